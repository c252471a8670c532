"""How to connect to a bucket: endpoint, region, credentials and addressing, from the environment.

`s3://` uses the settings of every AWS tool: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_REGION,
AWS_ACCESS_KEY_ID and its companions, AWS_PROFILE and the files in ~/.aws.
`obs://` first uses OBS_ENDPOINT (or S3_ENDPOINT, which ModelArts sets), OBS_REGION,
OBS_ACCESS_KEY_ID, OBS_SECRET_ACCESS_KEY and OBS_SECURITY_TOKEN, then the same as `s3://`.
S3_ADDRESSING_STYLE (virtual, path) applies to both.

No message or log contains the values of credentials.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from storage.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.locations import Location

_STYLES = ("auto", "virtual", "path")
_OBS_HOST = re.compile(r"obs\.([a-z0-9-]+)\.myhuaweicloud\.(com|eu)")
CONNECT_S, READ_S, ATTEMPTS = 10, 60, 5
CONNECTIONS = 16  # also the number of objects copied in parallel


@dataclass(frozen=True)
class Settings:
    """How to connect to a bucket; None leaves a setting to the AWS libraries and their files.

    Attributes:
        endpoint: URL of the storage, without the bucket.
        region: Name of the region, which is part of signatures.
        addressing: "virtual" (bucket in the host name) or "path".
        credentials: Access key, secret key and session token, by boto3's names.
    """

    endpoint: str | None = None
    region: str | None = None
    addressing: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    def client_options(self) -> dict[str, Any]:
        """Return the arguments of boto3's client, besides the credentials."""
        from botocore.config import Config  # noqa: PLC0415 - needed for buckets only

        s3: dict[str, Any] = {"payload_signing_enabled": False}
        if self.addressing:
            s3["addressing_style"] = self.addressing
        return {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "config": Config(
                signature_version="s3v4",
                s3=s3,
                # OBS does not support the newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                connect_timeout=CONNECT_S,
                read_timeout=READ_S,
                max_pool_connections=CONNECTIONS,
            ),
        }


def read_settings(location: Location, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings for `location`.

    Raises:
        SettingsError: Something is missing or contradicts itself; the message names the variable.
    """
    obs = location.scheme == "obs"
    style = environ.get("S3_ADDRESSING_STYLE") or None
    if style and style not in _STYLES:
        raise SettingsError(f"S3_ADDRESSING_STYLE must be virtual or path, found {style!r}")
    names = ("OBS_ENDPOINT", "S3_ENDPOINT") if obs else ()
    endpoint = _first(environ, *names, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    region = _first(environ, *(("OBS_REGION",) if obs else ()), "AWS_REGION", "AWS_DEFAULT_REGION")
    if endpoint:
        endpoint = _check_endpoint(endpoint, location)
        if obs and (match := _OBS_HOST.fullmatch(urlsplit(endpoint).hostname or "")):
            region = region or match[1]
    elif obs and region and not _profile_has_endpoint():
        endpoint = f"https://obs.{region}.myhuaweicloud.com"
    elif obs and not _profile_has_endpoint():
        raise SettingsError(
            f"{location}: the bucket's endpoint is unknown: set "
            "OBS_ENDPOINT=https://obs.<region>.myhuaweicloud.com, or OBS_REGION"
        )
    if obs and style is None and endpoint:
        # OBS answers path style with 403; test servers have no host name to put a bucket into.
        style = "path" if _has_no_names(endpoint) else "virtual"
    return Settings(endpoint, region, style, _credentials(environ) if obs else {})


def _first(environ: Mapping[str, str], *names: str) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)


def _check_endpoint(endpoint: str, location: Location) -> str:
    url = endpoint if "://" in endpoint else f"https://{endpoint}"
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if not host:
        raise SettingsError(
            f"{location}: the endpoint {endpoint!r} is not a URL; "
            "set OBS_ENDPOINT=https://obs.<region>.myhuaweicloud.com"
        )
    if host.startswith(f"{location.bucket}."):
        raise SettingsError(
            f"{location}: the endpoint {endpoint} contains the bucket; set OBS_ENDPOINT to "
            f"https://{host.removeprefix(location.bucket + '.')}"
        )
    return url.rstrip("/")


def _has_no_names(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the OBS variables by boto3's names; if all are unset, the AWS libraries decide."""
    named = {
        "aws_access_key_id": environ.get("OBS_ACCESS_KEY_ID"),
        "aws_secret_access_key": environ.get("OBS_SECRET_ACCESS_KEY"),
        "aws_session_token": environ.get("OBS_SECURITY_TOKEN"),
    }
    found = {name: value for name, value in named.items() if value}
    if found and not {"aws_access_key_id", "aws_secret_access_key"} <= found.keys():
        raise SettingsError(
            "OBS_ACCESS_KEY_ID and OBS_SECRET_ACCESS_KEY belong together: set both, or neither"
        )
    return found


def _profile_has_endpoint() -> bool:
    """Return whether the AWS profile in use names its own endpoint."""
    import botocore.exceptions  # noqa: PLC0415 - only who names a bucket waits for it
    import botocore.session  # noqa: PLC0415

    try:
        profile = botocore.session.Session().get_scoped_config()
    except botocore.exceptions.BotoCoreError as error:
        raise SettingsError(f"cannot read the AWS profile: {error}") from error
    return bool({"endpoint_url", "services"} & profile.keys())
