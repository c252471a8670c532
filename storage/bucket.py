"""The few calls to a bucket that copying needs: list, read from an offset, write, look.

Objects are listed with the first version of the call: it is the one that every S3-like storage
has, and one that ignores the second would silently end after 1,000 objects.
Not responsible for what is tried again after a transfer broke off, see `storage.transfer`.
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
PART_BYTES = 50 * 2**20  # s3fs's size of the parts of a large upload
_PARTIAL_CONTENT = 206
_PAGE = 1000  # the most objects that the call lists at a time


@dataclass(frozen=True)
class StoredObject:
    """An object as the bucket lists it.

    Attributes:
        key: Its whole path in the bucket.
        size: In bytes.
        etag: Without quotes: the MD5 of its contents, or of its parts' MD5s with their number.
    """

    key: str
    size: int
    etag: str


class Bucket:
    """A connection to one bucket, for the time of a `with` block.

    Args:
        location: Any place in the bucket.
        settings: How to reach it; by default what the environment says.
    """

    def __init__(self, location: Location, settings: Settings | None = None) -> None:
        self._scheme, self._name = location.scheme, location.bucket
        self.settings = settings or read_settings(location)

    def __enter__(self) -> Self:
        import s3fs  # noqa: PLC0415 - takes half a second, which only buckets shall cost

        self._fs = s3fs.S3FileSystem(skip_instance_cache=True, **self.settings.s3fs_options())
        self._fs.retries = 1  # botocore tries again by itself; both would multiply
        return self

    def __exit__(self, *_: object) -> None:
        from fsspec.asyn import sync  # noqa: PLC0415 - as above

        client = self._fs._s3  # noqa: SLF001 - s3fs closes it only some time after it is collected
        if client is not None:
            sync(self._fs.loop, client.close)

    def url(self, key: str) -> str:
        """Return the URL of an object or folder, for messages."""
        return str(Location(self._scheme, self._name, key))

    def list(self, prefix: str, limit: int | None = None) -> list[StoredObject]:
        """List the objects whose keys begin with `prefix`, at most `limit`; folders' marks are not.

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
        """Return what the bucket tells of one object.

        Raises:
            StorageError: There is none, or it is not to be seen.
        """
        return self._call("head_object", self.url(key), Key=key)

    def find(self, key: str) -> StoredObject:
        """Return one object; raises as `look`."""
        head = self.look(key)
        return StoredObject(key, int(head["ContentLength"]), head["ETag"].strip('"'))

    def append(self, stored: StoredObject, path: Path, advance: Callable[[int], None]) -> None:
        """Copy an object to the end of a file that holds its beginning, or does not exist.

        Args:
            stored: The object; only as it was listed, never a later one.
            path: The file.
            advance: Is told how many bytes came.

        Raises:
            StorageError: The object changed, or the connection broke; what came is in the file.
        """
        from fsspec.asyn import sync  # noqa: PLC0415 - see `__enter__`

        start = path.stat().st_size if path.exists() else 0
        with self._explained(self.url(stored.key)):
            sync(self._fs.loop, self._append, stored, path, start, advance)
        size = path.stat().st_size
        if size != stored.size:
            raise TransferError(
                f"{self.url(stored.key)}: expected {stored.size:,} bytes, {size:,} came"
            )

    def write(self, path: Path, key: str) -> None:
        """Copy a file to an object, which appears or changes as a whole.

        Raises:
            StorageError: The object cannot be written.
        """
        with self._explained(self.url(key)):
            self._fs.put_file(str(path), f"{self._name}/{key}", chunksize=PART_BYTES)

    async def _append(
        self, stored: StoredObject, path: Path, start: int, advance: Callable[[int], None]
    ) -> None:
        wanted = {"Range": f"bytes={start}-"} if start else {}
        reply = await self._fs._call_s3(  # noqa: SLF001 - the coroutine behind `call_s3`
            "get_object",
            Bucket=self._name,
            Key=stored.key,
            IfMatch=f'"{stored.etag}"',
            **wanted,
        )
        resumes = reply["ResponseMetadata"]["HTTPStatusCode"] == _PARTIAL_CONTENT
        with path.open("ab" if resumes else "wb") as file:
            advance(0 if resumes else -start)
            async with reply["Body"] as body:
                while chunk := await body.read(_CHUNK):
                    _write(file, chunk, path)
                    advance(len(chunk))

    def _call(self, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        with self._explained(url):
            reply: dict[str, Any] = self._fs.call_s3(method, Bucket=self._name, **arguments)
        return reply

    @contextlib.contextmanager
    def _explained(self, url: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # s3fs, botocore and aiohttp have no common base
            raise explain(error, url, self.settings) from error


def _write(file: Any, chunk: bytes, path: Path) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        raise LocalError(
            f"cannot write {path}: {error.strerror}; make room, or set XDG_CACHE_HOME to a folder "
            "on a larger disk"
        ) from error
