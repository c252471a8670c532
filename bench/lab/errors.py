"""The errors of a benchmark; each message names what went wrong and where to look.

BenchError
├── LoadFailed       a server gave other answers than 2xx under load
├── PeerFailed       a server did not start, or gave no right answer
└── Unusable         the request cannot be measured here
"""

from __future__ import annotations


class BenchError(Exception):
    """Base of all errors that this package raises on purpose."""


class LoadFailed(BenchError):
    """A server gave other answers than 2xx under load; its figures would mean nothing."""


class PeerFailed(BenchError):
    """A server did not start, or gave no right answer."""


class Unusable(BenchError):
    """The request cannot be measured with these files or on this machine."""
