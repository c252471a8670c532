"""The plan of a job: shards of photos, one Parquet file each, and which are already done.

    _job.json             defines the job: archive, photos, shard size; written first
    part-00000.parquet    the results of the first shard; exists only when complete
    _SUCCESS              written last, as Hadoop and Spark do

Starting the same job again scores the missing shards. Readers of a folder of Parquet files skip
names that begin with an underscore.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from classifier.image_kinds import ACCEPTED_FORMATS
from score.errors import ScoreError
from score.places import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from score.places import Place

JOB_FILE, DONE_FILE = "_job.json", "_SUCCESS"


@dataclass(frozen=True)
class Shard:
    """A group of photos that are classified together.

    Attributes:
        name: Name of the file with their results.
        entries: The photos.
    """

    name: str
    entries: tuple[Entry, ...]

    def as_row(self) -> dict[str, str]:
        """Return it in a form that Arrow accepts."""
        return {"name": self.name, "entries": json.dumps(self.entries)}

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Shard:
        """Return the shard from a row of `as_row`."""
        return cls(row["name"], tuple(Entry(*fields) for fields in json.loads(row["entries"])))


@dataclass(frozen=True)
class Plan:
    """A job: all of its shards, and those that are still missing."""

    shards: tuple[Shard, ...]
    missing: tuple[Shard, ...]

    @property
    def photos(self) -> int:
        """Total number of photos."""
        return sum(len(shard.entries) for shard in self.shards)


def make_plan(source: Place, target: Place, *, mar_sha256: str, shard_size: int) -> Plan:
    """List the photos, and compare with the contents of the target.

    Args:
        source: Where the photos are.
        target: Where the results go; empty, or with results of the same job.
        mar_sha256: Hexadecimal SHA-256 of the archive.
        shard_size: Photos in a shard.

    Raises:
        ScoreError: There are no photos, or the target has the results of another job.
    """
    suffixes = _suffixes()
    photos = [entry for entry in source.entries() if entry.name.lower().endswith(suffixes)]
    if not photos:
        raise ScoreError(f"INPUT has no photos; expected files that end in {', '.join(suffixes)}")
    job = {"archive": mar_sha256, "photos": _fingerprint(photos), "shard_size": shard_size}
    there = {entry.name: entry for entry in target.entries()}
    if JOB_FILE in there:
        _check_same(job, target, there[JOB_FILE])
    elif any(name.endswith(".parquet") for name in there):
        raise ScoreError("OUTPUT has other Parquet files; choose an empty place")
    else:
        target.write(JOB_FILE, json.dumps(job, indent=2).encode())
    shards = tuple(
        Shard(f"part-{number:05}.parquet", tuple(photos[first : first + shard_size]))
        for number, first in enumerate(range(0, len(photos), shard_size))
    )
    return Plan(shards, tuple(shard for shard in shards if shard.name not in there))


def _suffixes() -> tuple[str, ...]:
    """Return the endings of files in accepted formats, as Pillow knows them."""
    accepted = {name.upper() for name in ACCEPTED_FORMATS}
    endings = Image.registered_extensions().items()
    return tuple(sorted(suffix for suffix, kind in endings if kind in accepted))


def _check_same(job: dict[str, object], target: Place, entry: Entry) -> None:
    with ThreadPoolExecutor(1) as pool:
        (content,) = target.read_all([entry], pool)
    if isinstance(content, Exception):
        raise ScoreError(f"cannot read OUTPUT's {JOB_FILE}: {content}") from content
    try:
        before = json.loads(content)
    except ValueError as error:
        raise ScoreError(f"OUTPUT's {JOB_FILE} is damaged; choose an empty place") from error
    changed = [name for name, value in job.items() if before.get(name) != value]
    if changed:
        raise ScoreError(
            f"OUTPUT has the results of another job ({' and '.join(changed)} changed since); "
            "choose an empty place"
        )


def _fingerprint(photos: Sequence[Entry]) -> str:
    total = hashlib.sha256()
    for name, size, state in photos:
        total.update(f"{name}\0{size}\0{state}\n".encode())
    return total.hexdigest()
