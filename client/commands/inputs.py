"""Files named on the command line: on this machine, or in a bucket (`obs://`, `s3://`).

The one place where the client uses another package of this project: `storage`, and only for a
bucket. If the client was copied without it, such a name is an error.
"""

from __future__ import annotations

from pathlib import Path

from client.errors import LocalFileError


def local_file(name: str) -> Path:
    """Return a local path of the file `name`; copies it from a bucket first if need be.

    Raises:
        LocalFileError: It is in a bucket and cannot be copied.
    """
    if "://" not in name:
        return Path(name)
    try:
        from storage import StorageError, fetch  # noqa: PLC0415 - see the module's docstring
    except ImportError as error:
        raise LocalFileError(
            f"{name}: buckets need the package `storage` beside the client, and boto3; "
            "copy the file to this machine first"
        ) from error
    try:
        path = fetch(name)
    except StorageError as error:
        raise LocalFileError(str(error)) from error
    if path.is_dir():
        raise LocalFileError(f"{name} is a folder; name the files in it")
    return path
