"""Profiles: who can reach the server, over which protocols, and which user runs it.

development   this machine only, without TLS
production    TLS on the inference APIs, on loopback or a named interface; not as root

In both, the front checks keys, TorchServe itself and the management APIs listen on loopback, models
come from files only, and the API that registers them is off.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import psutil

from server.errors import StartError
from server.ports import HOST

if TYPE_CHECKING:
    from server.tls import KeyPair

ProfileName = Literal["development", "production"]
PROFILES: tuple[ProfileName, ...] = get_args(ProfileName)


@dataclass(frozen=True)
class Profile:
    """How a server is exposed.

    Attributes:
        name: The profile.
        host: Address that the inference APIs listen on.
        metrics_host: Address that the metrics API listens on; it requires no token.
        given: The operator's certificate; None to create one if the profile needs it.
        names: More names and addresses, besides `host`, for a created certificate.
        plain: No TLS: an ingress or a mesh before this machine ends it.
    """

    name: ProfileName = "development"
    host: str = HOST
    metrics_host: str = HOST
    given: KeyPair | None = None
    names: tuple[str, ...] = ()
    plain: bool = False

    @property
    def has_tls(self) -> bool:
        """Whether the inference APIs speak TLS."""
        return self.name == "production" and not self.plain

    @property
    def scheme(self) -> str:
        """Scheme of the inference API's URL."""
        return "https" if self.has_tls else "http"

    @property
    def local_host(self) -> str:
        """Address of the inference API from this machine."""
        return _reachable(self.host)

    @property
    def local_metrics_host(self) -> str:
        """Address of the metrics API from this machine."""
        return _reachable(self.metrics_host)


def choose_profile(  # noqa: PLR0913
    name: ProfileName,
    *,
    host: str | None = None,
    metrics_host: str | None = None,
    given: KeyPair | None = None,
    names: tuple[str, ...] = (),
    plain: bool = False,
    allow_root: bool = False,
) -> Profile:
    """Check that the profile allows these options.

    Args:
        name: The profile.
        host: IPv4 address or network interface of the inference APIs; None for loopback.
        metrics_host: The same for the metrics API.
        given: The operator's certificate and key.
        names: More names and addresses for a created certificate.
        plain: No TLS.
        allow_root: Run as root anyway.

    Raises:
        StartError: It does not, or there is no such interface.
    """
    profile = Profile(name, _address(host), _address(metrics_host), given, names, plain)
    if plain and given:
        raise StartError("a certificate and plain HTTP contradict each other; leave one out")
    if name == "production":
        if os.geteuid() == 0 and not allow_root:
            raise StartError(
                "production does not run as root: a flaw in an image decoder would expose the "
                "whole machine; start it as a dedicated user, or with ALLOW_ROOT=1"
            )
        return profile
    for variable, address in (("LISTEN", profile.host), ("METRICS_LISTEN", profile.metrics_host)):
        if not ipaddress.ip_address(address).is_loopback:
            raise StartError(
                f"{variable}={address} exposes the server to other machines; for that, "
                "use PROFILE=production"
            )
    if given:
        raise StartError("TLS_CERT and TLS_KEY require PROFILE=production")
    if plain:
        raise StartError("PLAIN_HTTP=1 is for PROFILE=production: without, there is no TLS anyway")
    return profile


def _reachable(host: str) -> str:
    return HOST if ipaddress.ip_address(host).is_unspecified else host


def _address(host: str | None) -> str:
    """Return the address of a named interface; addresses are returned unchanged."""
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
