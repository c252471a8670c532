"""Where archives are, that they were verified, and copies of them as another version."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from archive.members import SUMS, format_sums, unpack
from client.errors import ArchiveRefused, LocalFileError
from client.operations.model_store import check_stamp, copy_as_version, find_model_store, sha256_of

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
