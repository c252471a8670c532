"""One HTTP exchange: a request goes out, a reply or a typed error comes back.

Not responsible for retries or for choosing the token: see `client.api.transport` and
`client.api.tokens`.
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
    """What to ask: everything but the token and the time allowed."""

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class _Bearer(AuthBase):
    """Sends the token; being given at all, it keeps ~/.netrc from replacing the header."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def new_session(url: str, trust: Trust | None = None) -> requests.Session:
    """Open a session for one server; several threads may share it, for the server sets no cookies.

    Args:
        url: The server's address. To this machine it goes directly, whatever HTTP_PROXY says.
        trust: How its certificate is judged, for https.

    Raises:
        LocalFileError: A file of `trust` holds no certificate.
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
        call: What to ask.
        token: Bearer token, or None to send none.
        connect_s: Longest time for the connection to come about, seconds.
        read_s: Longest silence of the server, seconds. Not the whole time: a server that
            sends a byte now and then may take longer.

    Raises:
        ServerUnreachable: No connection.
        CertificateRefused: The server is not known to be the one that was meant.
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
            f"the certificate of {url} is not one to believe; name its authority, or the "
            "self-made certificate itself, with --ca-file"
        )
    if isinstance(error, requests.ConnectTimeout):
        return ServerUnreachable(f"no connection to {url} in time; is the server running?")
    if isinstance(error, requests.Timeout):
        return TimedOut(f"no answer from {url} within {read_s:.3g} s")
    cause = error.args[0] if error.args else None
    # urllib3 wraps what happens before a connection stands in MaxRetryError, and a read timeout
    # while the body comes in as well, which is no longer "nothing was sent".
    if isinstance(cause, MaxRetryError):
        return ServerUnreachable(f"nothing answers at {url}; is the server running? (make serve)")
    if "timed out" in str(error).lower():
        return TimedOut(f"no complete answer from {url} within {read_s:.3g} s")
    return ConnectionLost(f"the connection to {url} broke before the answer had come")
