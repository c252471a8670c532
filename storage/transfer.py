"""Copies many objects in parallel, with a progress bar; resumes broken transfers."""

from __future__ import annotations

import logging
import random
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from storage.errors import NotFound, TransferError
from storage.hashes import matches
from storage.settings import ATTEMPTS, CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from storage.bucket import Bucket, StoredObject

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
logger = logging.getLogger(__name__)


def download(bucket: Bucket, wanted: Sequence[tuple[StoredObject, Path]], description: str) -> None:
    """Copy objects to files, which appear only when complete and checked.

    An interrupted copy leaves a ``.part`` beside the file, from which the next call resumes.

    Raises:
        StorageError: An object changed or could not be read; the others may have been copied.
    """
    sizes = [stored.size for stored, _ in wanted]
    jobs = [
        lambda advance, stored=stored, path=path: _download_one(bucket, stored, path, advance)
        for stored, path in wanted
    ]
    _run(jobs, sum(sizes), description)


def upload(bucket: Bucket, files: Sequence[tuple[Path, str]], description: str) -> None:
    """Copy files to objects, and check what arrived.

    Raises:
        StorageError: One could not be written; the others may have been.
    """
    sizes = [path.stat().st_size for path, _ in files]
    jobs = [
        lambda advance, path=path, key=key: _upload_one(bucket, path, key, advance)
        for path, key in files
    ]
    _run(jobs, sum(sizes), description)


def _run(jobs: Sequence[Callable[[Callable[[int], None]], None]], total: int, text: str) -> None:
    from tqdm import tqdm  # noqa: PLC0415 - a server's image has none, and copies nothing

    with tqdm(desc=text, total=total, unit="B", unit_scale=True, disable=None) as bar:

        def advance(count: int) -> None:
            bar.update(count)

        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="storage")
        try:
            for future in as_completed([pool.submit(job, advance) for job in jobs]):
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _download_one(
    bucket: Bucket, stored: StoredObject, path: Path, advance: Callable[[int], None]
) -> None:
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    if part.exists() and part.stat().st_size > stored.size:
        part.unlink()
    advance(part.stat().st_size if part.exists() else 0)
    _append_until_whole(bucket, stored, part, advance)
    if not _is_right(bucket, stored, part):
        part.unlink()  # a damaged transfer: start over
        advance(-stored.size)
        _append_until_whole(bucket, stored, part, advance)
        if not _is_right(bucket, stored, part):
            part.unlink()
            raise TransferError(
                f"{bucket.url(stored.key)}: the received data do not have the MD5 of the ETag "
                f"{stored.etag}; check proxies and disks, or write the object again"
            )
    part.chmod(0o444)  # it may be linked to several folders, so nobody must edit it in place
    part.replace(path)


def _append_until_whole(
    bucket: Bucket, stored: StoredObject, part: Path, advance: Callable[[int], None]
) -> None:
    """Copy what is missing; retry a broken connection as long as each attempt makes progress."""
    part.touch()
    failures = 0
    while (before := part.stat().st_size) < stored.size:
        try:
            bucket.append(stored, part, advance)
        except TransferError as error:
            failures = 0 if part.stat().st_size > before else failures + 1
            if failures >= ATTEMPTS:
                raise
            pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**failures) * (
                0.5 + random.random() / 2
            )
            logger.info("resuming in %.1f s: %s", pause, error)
            time.sleep(pause)


def _is_right(bucket: Bucket, stored: StoredObject, path: Path) -> bool:
    right = matches(path, stored.etag)
    if right is False and _is_encrypted(bucket, stored.key):
        return True  # the ETag is the MD5 of what the storage wrote, which only it can see
    return right is not False


def _is_encrypted(bucket: Bucket, key: str) -> bool:
    """Return whether the storage encrypts the object in a way that changes its ETag."""
    head = bucket.look(key)
    return "kms" in str(head.get("ServerSideEncryption", "")) or "SSECustomerAlgorithm" in head


def _upload_one(bucket: Bucket, path: Path, key: str, advance: Callable[[int], None]) -> None:
    bucket.write(path, key)
    try:
        stored = bucket.find(key)
    except NotFound as error:
        raise TransferError(
            f"{bucket.url(key)}: was written, but is not there; try again"
        ) from error
    if stored.size != path.stat().st_size or not _is_right(bucket, stored, path):
        raise TransferError(
            f"{bucket.url(key)}: what is there is not what was written; if nothing else writes "
            "there and the file did not change meanwhile, try again"
        )
    advance(stored.size)
