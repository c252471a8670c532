"""The plan: each photo once, in a folder or a bucket, and never another job's results."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from score.errors import ScoreError
from score.places import Entry, Folder, open_place
from score.plan import Plan, Shard, make_plan
from tests.s3 import FOREIGN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.s3 import S3


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with five photos in two folders, and a file that is none."""
    folder = tmp_path / "photos"
    for name in ("a.jpg", "b.JPEG", "sub/c.png", "sub/d.jpg", "sub/e.webp", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def plan_of(photos: Path, output: Path, *, sha256: str = "a" * 64, shard_size: int = 2) -> Plan:
    return make_plan(Folder(photos), Folder(output), mar_sha256=sha256, shard_size=shard_size)


def test_each_photo_is_in_one_shard(photos: Path, tmp_path: Path) -> None:
    plan = plan_of(photos, tmp_path / "out")
    names = [entry.name for shard in plan.shards for entry in shard.entries]
    assert names == ["a.jpg", "b.JPEG", "sub/c.png", "sub/d.jpg", "sub/e.webp"]
    assert [len(shard.entries) for shard in plan.shards] == [2, 2, 1]
    assert plan.missing == plan.shards
    assert plan.photos == 5


def test_what_is_done_is_not_done_again(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    first = plan_of(photos, output)
    Folder(output).write(first.shards[1].name, b"results")
    again = plan_of(photos, output)
    assert again.shards == first.shards
    assert again.missing == (first.shards[0], first.shards[2])


@pytest.mark.parametrize("change", ["archive", "photos", "shard_size"])
def test_another_jobs_results_are_left_alone(photos: Path, tmp_path: Path, change: str) -> None:
    output = tmp_path / "out"
    plan_of(photos, output)
    if change == "photos":
        (photos / "a.jpg").write_bytes(b"another photo")
    sha256 = "b" * 64 if change == "archive" else "a" * 64
    with pytest.raises(ScoreError, match=rf"{change} changed since.*choose an empty place"):
        plan_of(photos, output, sha256=sha256, shard_size=3 if change == "shard_size" else 2)


def test_foreign_files_are_not_mixed_with(photos: Path, tmp_path: Path) -> None:
    Folder(tmp_path / "out").write("sales.parquet", b"not ours")
    with pytest.raises(ScoreError, match="has other Parquet files"):
        plan_of(photos, tmp_path / "out")


def test_a_place_without_photos_is_named(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").touch()
    with pytest.raises(ScoreError, match=r"INPUT has no photos.*\.jpg"):
        plan_of(tmp_path / "photos", tmp_path / "out")


def test_a_shard_travels_as_a_row() -> None:
    shard = Shard("part-00000.parquet", (Entry("ä/1.jpg", 3, "state"), Entry("2.jpg", 4, "")))
    assert Shard.from_row(shard.as_row()) == shard


def test_files_that_cannot_be_read_are_errors_in_their_place(photos: Path) -> None:
    folder = Folder(photos)
    entries = [entry for entry in folder.entries() if entry.name.endswith((".jpg", ".png"))]
    (photos / "sub" / "c.png").unlink()
    with ThreadPoolExecutor(2) as pool:
        first, second, third = folder.read_all(entries, pool)
    assert (first, third) == (b"a.jpg", b"sub/d.jpg")
    assert isinstance(second, FileNotFoundError)


def test_a_bucket_is_a_place_too(
    photos: Path, tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if FOREIGN.fullmatch(name)]:
        monkeypatch.delenv(name)
    for name, value in s3.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    s3.make_bucket("score-test")
    s3.put_folder("score-test", "photos", photos)
    with (
        open_place("obs://score-test/photos") as source,
        open_place("obs://score-test/out") as target,
        ThreadPoolExecutor(4) as pool,
    ):
        plan = make_plan(source, target, mar_sha256="a" * 64, shard_size=2)
        target.write(plan.shards[0].name, b"results")
        assert (
            make_plan(source, target, mar_sha256="a" * 64, shard_size=2).missing
            == (plan.shards[1:])
        )
        entries = [entry for shard in plan.shards for entry in shard.entries]
        s3.put("score-test", "photos/sub/d.jpg", b"changed since it was listed")
        contents = source.read_all(entries, pool)
    assert contents[0] == b"a.jpg"
    assert isinstance(contents[3], Exception)
    assert sum(isinstance(content, bytes) for content in contents) == 4
    assert s3.get("score-test", "out/part-00000.parquet") == b"results"
