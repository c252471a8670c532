"""Where archives are, that they were verified, and copies of them as another version."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest

from archive.members import SUMS, format_sums, unpack
from client.errors import ArchiveRefused, LocalFileError
from client.operations.model_store import (
    bring_in,
    check_stamp,
    copy_as_version,
    find_model_store,
    sha256_of,
)

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "MAR-INF/MANIFEST.json"


def test_the_store_is_what_the_server_was_started_with(tmp_path: Path) -> None:
    assert find_model_store(None) is None
    assert find_model_store(tmp_path) is None
    config = tmp_path / "config.properties"
    config.write_text("model_store=/first\nload_models=flowers=flowers.mar\nmodel_store=/a b\n")
    assert str(find_model_store(tmp_path)) == "/a b"


def test_only_a_stamped_archive_passes(tmp_path: Path) -> None:
    mar, stamp = tmp_path / "flowers.mar", tmp_path / "flowers.mar.sha256"
    with pytest.raises(ArchiveRefused, match="no such archive"):
        check_stamp(mar)
    mar.write_bytes(b"archive")
    with pytest.raises(ArchiveRefused, match="python -m archive verify"):
        check_stamp(mar)
    stamp.write_text(f"{hashlib.sha256(b'archive').hexdigest()}  flowers.mar\n")
    check_stamp(mar)
    mar.write_bytes(b"another")
    with pytest.raises(ArchiveRefused, match="changed since"):
        check_stamp(mar)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A server's folder with archives of its own, the first of which came from `tmp_path`."""
    folder = tmp_path / "run"
    (folder / "archives").mkdir(parents=True)
    (folder / "config.properties").write_text(f"model_store={folder / 'archives'}\n")
    (folder / "server.json").write_text(json.dumps({"archives": str(tmp_path)}))
    return folder


def verified(mar: Path, content: bytes) -> str:
    """Write an archive with its stamp; return its hash."""
    mar.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    mar.with_name(f"{mar.name}.sha256").write_text(f"{digest}  {mar.name}\n")
    return digest


def test_the_server_gets_a_copy_that_was_held_against_the_stamp(
    tmp_path: Path, run_dir: Path
) -> None:
    digest = verified(tmp_path / "a.mar", b"archive")
    assert bring_in(run_dir, "a.mar") == digest
    (tmp_path / "a.mar").write_bytes(b"swapped")
    assert (run_dir / "archives/a.mar").read_bytes() == b"archive"
    assert bring_in(run_dir, "a.mar", digest) == digest  # that copy is good yet


def test_an_archive_that_is_swapped_while_it_is_copied_is_refused(
    tmp_path: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified(tmp_path / "a.mar", b"archive")
    copy = shutil.copyfile

    def swapped(source: Path, target: Path) -> None:
        source.write_bytes(b"swapped")
        copy(source, target)
        source.write_bytes(b"archive")

    monkeypatch.setattr(shutil, "copyfile", swapped)
    with pytest.raises(ArchiveRefused, match="changed since"):
        bring_in(run_dir, "a.mar")
    assert not list((run_dir / "archives").iterdir())


@pytest.mark.parametrize(
    "name",
    ["../a.mar", "/etc/passwd", "file:///etc/passwd", "a/../a.mar", "..", "none.mar", "plain.mar"],
)
def test_nothing_else_gets_among_the_servers_archives(
    tmp_path: Path, run_dir: Path, name: str
) -> None:
    verified(tmp_path / "a.mar", b"archive")
    (tmp_path / "plain.mar").write_bytes(b"never verified")
    with pytest.raises(ArchiveRefused):
        bring_in(run_dir, name)
    assert not list((run_dir / "archives").iterdir())


def test_another_archive_than_the_one_that_was_in_service_is_refused(
    tmp_path: Path, run_dir: Path
) -> None:
    verified(tmp_path / "a.mar", b"archive")
    with pytest.raises(ArchiveRefused, match="no longer the archive that was in service"):
        bring_in(run_dir, "a.mar", "0" * 64)
    assert not list((run_dir / "archives").iterdir())


def test_a_server_elsewhere_finds_its_archives_itself(tmp_path: Path) -> None:
    assert bring_in(None, "a.mar") is None
    assert bring_in(tmp_path, "a.mar") is None


def test_a_copy_is_the_same_sealed_archive_under_another_version(tmp_path: Path) -> None:
    contents = {
        MANIFEST: json.dumps({"model": {"modelVersion": "1.0", "handler": "h.py"}}).encode(),
        "model.bin": b"weights" * 1000,
        "classifier/labels.py": b"",
    }
    contents[SUMS] = format_sums(contents)
    with zipfile.ZipFile(tmp_path / "a.mar", "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)

    copy_as_version(tmp_path / "a.mar", "2.0", tmp_path / "b.mar")

    folder = tmp_path / "unpacked"
    folder.mkdir()
    unpack(tmp_path / "b.mar", folder)  # holds every member against its hash
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest == {"model": {"modelVersion": "2.0", "handler": "h.py"}}
    assert (folder / "model.bin").read_bytes() == contents["model.bin"]


def test_what_is_no_archive_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "a.mar").write_bytes(b"no zip file")
    with pytest.raises(LocalFileError, match="cannot copy"):
        copy_as_version(tmp_path / "a.mar", "2.0", tmp_path / "b.mar")
    assert not (tmp_path / "b.mar").exists()
    with pytest.raises(LocalFileError, match="cannot read"):
        sha256_of(tmp_path / "none.mar")
