"""The errors of the gateway; each message names the cause and the remedy."""

from __future__ import annotations


class GatewayError(Exception):
    """The gateway cannot be started, or has exited."""
