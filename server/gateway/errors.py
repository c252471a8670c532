"""The error of the front; its message names the cause and the remedy."""

from __future__ import annotations

from server.errors import StartError


class GatewayError(StartError):
    """The front cannot be started."""
