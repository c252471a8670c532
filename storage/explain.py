"""Turns errors of boto3 and botocore into one that names the URL and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.errors import (
    AccessDenied,
    NotFound,
    ObjectChanged,
    SettingsError,
    StorageError,
    TransferError,
)

if TYPE_CHECKING:
    from storage.settings import Settings

_CREDENTIALS = (
    "set OBS_ACCESS_KEY_ID and OBS_SECRET_ACCESS_KEY (for s3://: AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY), or AWS_PROFILE"
)
_WRONG_CREDENTIALS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "InvalidSecurity",
    "AuthorizationHeaderMalformed",
}
_REFUSALS = {
    "AccessDenied": "access denied; let the bucket's policy allow these credentials to list, read "
    f"and, for outputs, write there, or {_CREDENTIALS}",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it, such as with ntpd",
    "VirtualHostDomainRequired": "{where} requires the bucket in the host name; "
    "set S3_ADDRESSING_STYLE=virtual",
}
# Classes of botocore, by name, so that they need not be imported here.
_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"}
_UNREACHABLE = {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"}


def error_code(error: BaseException) -> str:
    """Return the storage's error code, such as ``NoSuchBucket``; empty if it has none."""
    response = getattr(error, "response", None)  # of botocore's ClientError
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def explain(error: Exception, url: str, settings: Settings) -> StorageError:
    """Return the error to raise in place of `error`.

    Args:
        error: What a call to the storage raised.
        url: What was read or written.
        settings: The settings in use.
    """
    if isinstance(error, StorageError):
        return error
    code, where = error_code(error), settings.endpoint or "the AWS endpoint"
    if code in {"NoSuchKey", "NoSuchBucket", "404"}:
        what = "no such bucket" if code == "NoSuchBucket" else "nothing there"
        return NotFound(f"{url}: {what} at {where}; check the name, and the endpoint's region")
    if code in {"PreconditionFailed", "412"}:
        return ObjectChanged(
            f"{url}: it changed while it was copied; start again when nobody writes there"
        )
    if code in {"403", *_REFUSALS, *_WRONG_CREDENTIALS}:
        return AccessDenied(f"{url}: {_refusal(code, where)}")
    return _explain_transport(error, url, where)


def _refusal(code: str, where: str) -> str:
    if code in _WRONG_CREDENTIALS:
        return f"{where} does not know these credentials ({code}); {_CREDENTIALS}"
    return _REFUSALS.get(code, _REFUSALS["AccessDenied"]).format(where=where)


def _explain_transport(error: Exception, url: str, where: str) -> StorageError:
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _NO_CREDENTIALS:
        return SettingsError(f"{url}: no credentials; {_CREDENTIALS}")
    if names & _UNREACHABLE:
        return TransferError(
            f"{url}: cannot reach {where}; check OBS_ENDPOINT (for s3://: AWS_ENDPOINT_URL) "
            "and the network"
        )
    reason = str(error) or type(error).__name__
    return TransferError(
        f"{url}: {where} keeps failing ({reason}); start again later: what was copied is kept"
    )
