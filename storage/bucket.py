"""The few bucket operations that copying needs: list, read from an offset, write, look.

Objects are listed with version 1 of the call, which every S3-like storage supports: with one that
ignores version 2, the listing would silently stop after 1,000 objects.
`storage.transfer` retries broken transfers.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from storage.errors import LocalError, TransferError
from storage.explain import explain
from storage.locations import Location
from storage.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CHUNK = 2**20
PART_BYTES = 50 * 2**20  # of a large upload
_PARTIAL_CONTENT = 206
_PAGE = 1000  # the most objects that one call lists


@dataclass(frozen=True)
class StoredObject:
    """An object as listed by the bucket.

    Attributes:
        key: Its full path in the bucket.
        size: In bytes.
        etag: Without quotes: the MD5 of its contents, or of its parts' MD5s plus their number.
    """

    key: str
    size: int
    etag: str


class Bucket:
    """A connection to one bucket; use it in a `with` block.

    Args:
        location: Any path in the bucket.
        settings: How to connect; by default from the environment.
    """

    def __init__(self, location: Location, settings: Settings | None = None) -> None:
        self._scheme, self._name = location.scheme, location.bucket
        self.settings = settings or read_settings(location)

    def __enter__(self) -> Self:
        import boto3  # noqa: PLC0415 - takes a third of a second, needed for buckets only

        session = boto3.session.Session(**self.settings.credentials)
        self._client = session.client("s3", **self.settings.client_options())
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def url(self, key: str) -> str:
        """Return the URL of an object or folder, for messages."""
        return str(Location(self._scheme, self._name, key))

    def list(self, prefix: str, limit: int | None = None) -> list[StoredObject]:
        """List at most `limit` objects whose keys begin with `prefix`, without folder markers.

        Raises:
            StorageError: The bucket cannot be listed.
        """
        found: list[StoredObject] = []
        marker = ""
        while True:
            page = self._call(
                "list_objects",
                self.url(prefix),
                Prefix=prefix,
                Marker=marker,
                MaxKeys=limit or _PAGE,
            )
            contents = page.get("Contents", [])
            found += [
                StoredObject(entry["Key"], int(entry["Size"]), entry["ETag"].strip('"'))
                for entry in contents
                if not entry["Key"].endswith("/")
            ]
            if not page.get("IsTruncated") or not contents or limit:
                return found
            marker = contents[-1]["Key"]

    def look(self, key: str) -> dict[str, Any]:
        """Return one object's entry.

        Raises:
            StorageError: It does not exist, or access is denied.
        """
        return self._call("head_object", self.url(key), Key=key)

    def find(self, key: str) -> StoredObject:
        """Return one object; raises as `look`."""
        head = self.look(key)
        return StoredObject(key, int(head["ContentLength"]), head["ETag"].strip('"'))

    def append(self, stored: StoredObject, path: Path, advance: Callable[[int], None]) -> None:
        """Append the rest of an object to a file that holds its beginning or does not exist.

        Args:
            stored: The object as it was listed; a later version is an error.
            path: The file.
            advance: Called with the number of bytes received.

        Raises:
            StorageError: The object changed, or the connection broke; the file keeps what came.
        """
        start = path.stat().st_size if path.exists() else 0
        with self._explained(self.url(stored.key)):
            self._append(stored, path, start, advance)
        size = path.stat().st_size
        if size != stored.size:
            raise TransferError(
                f"{self.url(stored.key)}: expected {stored.size:,} bytes, received {size:,}"
            )

    def write(self, path: Path, key: str) -> None:
        """Copy a file to an object, atomically.

        Raises:
            StorageError: The object cannot be written.
        """
        from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - see `__enter__`

        # No threads of its own: several files are copied at a time already.
        config = TransferConfig(PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False)
        with path.open("rb") as file, self._explained(self.url(key)):
            self._client.upload_fileobj(file, self._name, key, Config=config)

    def _append(
        self, stored: StoredObject, path: Path, start: int, advance: Callable[[int], None]
    ) -> None:
        wanted = {"Range": f"bytes={start}-"} if start else {}
        reply = self._client.get_object(
            Bucket=self._name, Key=stored.key, IfMatch=f'"{stored.etag}"', **wanted
        )
        resumes = reply["ResponseMetadata"]["HTTPStatusCode"] == _PARTIAL_CONTENT
        with (
            path.open("ab" if resumes else "wb") as file,
            contextlib.closing(reply["Body"]) as body,
        ):
            advance(0 if resumes else -start)
            for chunk in body.iter_chunks(_CHUNK):
                _write(file, chunk, path)
                advance(len(chunk))

    def _call(self, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        with self._explained(url):
            call = getattr(self._client, method)
            reply: dict[str, Any] = call(Bucket=self._name, **arguments)
        return reply

    @contextlib.contextmanager
    def _explained(self, url: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # boto3, botocore and urllib3 have no common base
            raise explain(error, url, self.settings) from error


def _write(file: Any, chunk: bytes, path: Path) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        raise LocalError(
            f"cannot write {path}: {error.strerror}; make room, or set XDG_CACHE_HOME to a folder "
            "on a larger disk"
        ) from error
