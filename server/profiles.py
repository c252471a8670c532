"""What a profile allows: who can reach the server, over what, and as whom it runs.

development   this machine only, without TLS
production    TLS on the inference APIs, on loopback or a named interface; not as root

In both, tokens are on, the management APIs listen on loopback, models come from files only, and the
API that registers them is off. What else differs stands in `config/production.properties`.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import psutil

from server.errors import StartError
from server.ports import HOST

if TYPE_CHECKING:
    from server.tls import KeyPair

ProfileName = Literal["development", "production"]


@dataclass(frozen=True)
class Profile:
    """How a server shows itself.

    Attributes:
        name: The profile.
        host: Address that the inference APIs listen on.
        metrics_host: Address that the metrics API listens on; it asks for no token.
        given: The operator's certificate; None to make one, where the profile wants one.
        names: Names and addresses besides `host` that a certificate made here is to hold.
    """

    name: ProfileName = "development"
    host: str = HOST
    metrics_host: str = HOST
    given: KeyPair | None = None
    names: tuple[str, ...] = ()

    @property
    def has_tls(self) -> bool:
        """Whether the inference APIs speak TLS."""
        return self.name == "production"

    @property
    def scheme(self) -> str:
        """Scheme of the inference API's URL."""
        return "https" if self.has_tls else "http"

    @property
    def local_host(self) -> str:
        """Address by which this machine reaches the inference API."""
        return _reachable(self.host)

    @property
    def local_metrics_host(self) -> str:
        """Address by which this machine reaches the metrics API."""
        return _reachable(self.metrics_host)


def choose_profile(  # noqa: PLR0913
    name: ProfileName,
    *,
    host: str | None = None,
    metrics_host: str | None = None,
    given: KeyPair | None = None,
    names: tuple[str, ...] = (),
    allow_root: bool = False,
) -> Profile:
    """Check that the profile allows what is asked for.

    Args:
        name: The profile.
        host: IPv4 address or network interface of the inference APIs; None for loopback.
        metrics_host: The same of the metrics API.
        given: The operator's certificate and key.
        names: More names and addresses for a certificate that is made here.
        allow_root: Run as root all the same.

    Raises:
        StartError: It does not, or there is no such interface.
    """
    profile = Profile(name, _address(host), _address(metrics_host), given, names)
    if profile.has_tls:
        if os.geteuid() == 0 and not allow_root:
            raise StartError(
                "production does not run as root: a fault in a decoder of images would have the "
                "whole machine; start it as a user of its own, or with ALLOW_ROOT=1"
            )
        return profile
    for variable, address in (("LISTEN", profile.host), ("METRICS_LISTEN", profile.metrics_host)):
        if not ipaddress.ip_address(address).is_loopback:
            raise StartError(
                f"{variable}={address} lets other machines in, which development does not; "
                "use PROFILE=production"
            )
    if given:
        raise StartError("TLS_CERT and TLS_KEY take PROFILE=production")
    return profile


def _reachable(host: str) -> str:
    return HOST if ipaddress.ip_address(host).is_unspecified else host


def _address(host: str | None) -> str:
    """Return the address that a name of an interface stands for; addresses stay as they are."""
    if host is None:
        return HOST
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        pass
    interfaces = psutil.net_if_addrs()
    for entry in interfaces.get(host, ()):
        if entry.family.name == "AF_INET":
            return str(entry.address)
    raise StartError(
        f"LISTEN={host}: expected an IPv4 address or an interface that has one, such as "
        f"{', '.join(sorted(interfaces))}"
    )
