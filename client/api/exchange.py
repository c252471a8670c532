"""One HTTP exchange: sends a request, returns the reply or raises a typed error.

`client.api.transport` retries, `client.api.tokens` chooses the token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import requests
from requests.auth import AuthBase
from urllib3.exceptions import MaxRetryError

from client.api.addresses import is_loopback
from client.api.trust import Trust
from client.errors import (
    CertificateRefused,
    ConnectionLost,
    ServerUnreachable,
    TimedOut,
    error_for_reply,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_ERROR_STATUS = 300  # redirects too: TorchServe never sends one, and a token must not follow


@dataclass(frozen=True)
class Call:
    """A request, without its token and timeouts."""

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class _Bearer(AuthBase):
    """Sends the token; its presence alone keeps ~/.netrc from replacing the header."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def new_session(url: str, trust: Trust | None = None) -> requests.Session:
    """Open a session for one server; threads may share it, as the server sets no cookies.

    Args:
        url: The server's address. Connections to this machine ignore HTTP_PROXY.
        trust: How to verify its certificate, for https.

    Raises:
        LocalFileError: A file in `trust` contains no certificate.
    """
    session = requests.Session()
    session.trust_env = not is_loopback(url)
    trust = trust or Trust()
    if trust.ca_file:
        session.verify = str(trust.ca_file)
    for scheme in ("http://", "https://"):
        session.mount(scheme, trust.adapter())
    return session


def exchange(
    session: requests.Session, call: Call, *, token: str | None, connect_s: float, read_s: float
) -> requests.Response:
    """Send one request once.

    Args:
        session: The connections to use.
        call: The request.
        token: Bearer token, or None to send none.
        connect_s: Connect timeout, seconds.
        read_s: Longest silence of the server, seconds. Not the total time: a server that
            sends a byte now and then may take longer.

    Raises:
        ServerUnreachable: No connection.
        CertificateRefused: The server's certificate is not trusted.
        ConnectionLost: The connection broke; the request may have been served.
        TimedOut: No answer within `read_s`.
        ReplyError: The server answered with an error status.
    """
    try:
        reply = session.request(
            call.method,
            call.url,
            params=dict(call.params),
            data=call.body,
            headers=dict(call.headers),
            auth=_Bearer(token),
            timeout=(connect_s, read_s),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise _fault(error, call.url, read_s) from error
    if reply.status_code >= _FIRST_ERROR_STATUS:
        raise error_for_reply(reply.status_code, reply.content, call.method)
    return reply


def _fault(
    error: requests.RequestException, url: str, read_s: float
) -> ServerUnreachable | TimedOut | CertificateRefused:
    if isinstance(error, requests.exceptions.SSLError):
        return CertificateRefused(
            f"the certificate of {url} is not trusted; pass its authority's, or the "
            "self-signed certificate itself, with --ca-file"
        )
    if isinstance(error, requests.ConnectTimeout):
        return ServerUnreachable(f"no connection to {url} in time; is the server running?")
    if isinstance(error, requests.Timeout):
        return TimedOut(f"no answer from {url} within {read_s:.3g} s")
    cause = error.args[0] if error.args else None
    # urllib3 wraps errors before a connection exists in MaxRetryError, but also a read timeout
    # while the body comes in, by when something has been sent.
    if isinstance(cause, MaxRetryError):
        return ServerUnreachable(f"nothing answers at {url}; is the server running? (make serve)")
    if "timed out" in str(error).lower():
        return TimedOut(f"no complete answer from {url} within {read_s:.3g} s")
    return ConnectionLost(f"the connection to {url} broke before the whole answer had arrived")
