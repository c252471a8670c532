"""Files and folders are replaced as a whole, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from storage.files import atomic_file, atomic_folder, staged_files, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Trouble(Exception):
    """Whatever may happen while a file is written."""


@contextlib.contextmanager
def fails() -> Iterator[None]:
    try:
        yield
    except Trouble:
        return
    pytest.fail("no error came out")


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "file.txt", "text")
    assert contents(tmp_path) == {"new/file.txt": "text"}


def test_a_file_can_be_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old", encoding="utf-8")
    write_text(path, "secret", mode=0o600)
    assert (path.read_text(encoding="utf-8"), path.stat().st_mode & 0o777) == ("secret", 0o600)


def test_after_an_error_the_old_file_is_there_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "file.txt", "old")
    with fails(), atomic_file(tmp_path / "file.txt") as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise Trouble
    assert contents(tmp_path) == {"file.txt": "old"}


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with atomic_folder(tmp_path / "folder") as new:
            write_text(new / name / "file", name)
    assert contents(tmp_path) == {"folder/second/file": "second"}


def test_a_folder_is_never_missing_while_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    with atomic_folder(folder) as new:
        write_text(new / "file", "old")
    monkeypatch.setattr("storage.files.shutil.rmtree", refuse_to_remove(folder))
    with atomic_folder(folder) as new:
        write_text(new / "file", "new")
    assert (folder / "file").read_text(encoding="utf-8") == "new"


def refuse_to_remove(folder: Path) -> object:
    def remove(path: Path, **_: object) -> None:
        assert path != folder, "a process killed now leaves nothing"

    return remove


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    with atomic_folder(tmp_path / "link") as new:
        write_text(new / "file", "new")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "disk") == {"file": "new"}


def test_after_an_error_the_old_folder_is_there_and_nothing_else(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "folder") as new:
        write_text(new / "file", "old")
    with fails(), atomic_folder(tmp_path / "folder") as new:
        write_text(new / "file", "half")
        raise Trouble
    assert contents(tmp_path) == {"folder/file": "old"}


def test_what_a_killed_process_left_is_in_no_later_folder(tmp_path: Path) -> None:
    write_text(tmp_path / ".folder.partial" / "half", "left")
    with atomic_folder(tmp_path / "folder") as new:
        write_text(new / "file", "new")
    assert contents(tmp_path) == {"folder/file": "new"}


def test_files_are_replaced_together_beside_others(tmp_path: Path) -> None:
    for name in ("weights", "labels", "checkpoint"):
        write_text(tmp_path / name, "old")
    with staged_files(tmp_path, last=["labels"]) as staging:
        write_text(staging / "labels", "new")
        write_text(staging / "weights", "new")
        write_text(staging / "plots" / "curve", "new")
        assert (tmp_path / "weights").read_text(encoding="utf-8") == "old"
    assert contents(tmp_path) == {
        "weights": "new",
        "labels": "new",
        "checkpoint": "old",
        "plots/curve": "new",
    }


def test_files_and_locks_need_no_library() -> None:
    blocked = "import sys; sys.modules |= dict.fromkeys(('tqdm', 'boto3', 'botocore'))"
    process = subprocess.run(
        [sys.executable, "-c", f"{blocked}; import storage.files, storage.locks"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")


def test_an_error_before_the_last_file_replaces_none(tmp_path: Path) -> None:
    write_text(tmp_path / "weights", "old")
    with fails(), staged_files(tmp_path) as staging:
        write_text(staging / "weights", "new")
        raise Trouble
    assert contents(tmp_path) == {"weights": "old"}
