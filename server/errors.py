"""The errors of running a server; each message names the cause and the remedy.

ControlError
├── StartError     the server could not be started; nothing was left running
├── StopError      the server could not be stopped
├── ServerEnded    the server exited by itself
├── Busy           another process is changing what the folder serves
└── Unhealthy      the server is not running, or cannot answer
"""

from __future__ import annotations


class ControlError(Exception):
    """Base of all errors that this package raises on purpose."""


class StartError(ControlError):
    """The server could not be started; nothing was left running."""


class StopError(ControlError):
    """The server could not be stopped."""


class ServerEnded(ControlError):
    """The server exited by itself."""


class Busy(ControlError):
    """Another process is changing what the folder serves."""


class Unhealthy(ControlError):
    """The server is not running, or cannot answer."""
