"""Only an archive that answers as the evaluation did may be served."""

from __future__ import annotations

import io
import json
import re
import shutil
import stat
import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from archive.__main__ import main
from archive.errors import VerifyError
from archive.members import SUMS, format_sums, unpack
from archive.probe import foreign_modules
from archive.through import LabelledFile, Measured, measure
from archive.verify import verify
from classifier.description import sha256_of_file
from classifier.reference import draw_png
from tests.archive.packing import pack
from tests.once import made_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Contents = dict[str, bytes]


@pytest.fixture(scope="session")
def sealed(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good archive; tests change copies of it."""
    store = made_once(tmp_path_factory, "sealed", lambda folder: pack(model_folder, folder))
    return store / "drawn.mar"


def rewrite(mar: Path, target: Path, change: Callable[[Contents], None], *, reseal: bool) -> Path:
    """Copy a .mar with changed contents, with a hash list that fits them or the old one."""
    with zipfile.ZipFile(mar) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    change(contents)
    if reseal:
        del contents[SUMS]
        contents[SUMS] = format_sums(contents)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return target


def test_a_good_archive_is_verified(sealed: Path) -> None:
    verified = verify(sealed)
    assert verified.runtime == "openvino-fp32"
    assert verified.sha256 == sha256_of_file(sealed)
    assert verified.difference < 1e-4


def test_the_command_writes_a_stamp_and_says_what_it_found(
    sealed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stamp = tmp_path / "drawn.mar.sha256"
    assert main(["verify", str(sealed), "--stamp", str(stamp)]) == 0
    assert stamp.read_text(encoding="utf-8") == f"{sha256_of_file(sealed)}  drawn.mar\n"
    assert "answers match the reference's" in capsys.readouterr().out


def test_the_command_says_the_accuracy_through_the_archive(
    sealed: Path, data_set_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(sealed), "--data-url", str(data_set_folder)]) == 0
    assert re.search(
        r"accuracy \d+\.\d\d% through the archive, on 12 photos", capsys.readouterr().out
    )
    assert main(["verify", str(sealed), "--data-url", "none"]) == 0
    assert "accuracy 75.00% in float32, never measured in this form" in capsys.readouterr().out


def test_photos_of_other_classes_tell_nothing(sealed: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(draw_png("white-daisy"))
    assert verify(sealed, [LabelledFile(photo, "cats")]).measured is None


def test_photos_are_compared_by_the_name_of_their_class(tmp_path: Path) -> None:
    photos = [LabelledFile(tmp_path, name) for name in ("daisy", "roses", "tulips", "roses")]
    measured = measure(tmp_path, photos, ["daisy", "roses", None, "daisy"])
    assert measured == Measured(2 / 3, 3)


def test_one_class_for_everything_does_not_pass(tmp_path: Path) -> None:
    photos = [LabelledFile(tmp_path, name) for name in ("daisy", "roses") for _ in range(10)]
    with pytest.raises(VerifyError, match="gives 'daisy' to all 20 photos of 2 classes: check"):
        measure(tmp_path, photos, ["daisy"] * 20)
    with pytest.raises(VerifyError, match="refuses all 20 photos"):
        measure(tmp_path, photos, [None] * 20)
    assert measure(tmp_path, photos[:10], ["daisy"] * 10).accuracy == 1.0


def test_it_holds_the_shipped_python_and_nothing_else(sealed: Path) -> None:
    with zipfile.ZipFile(sealed) as archive:
        names = archive.namelist()
    assert "resnet_handler.py" in names
    assert "classifier/images.py" in names
    assert not [name for name in names if "pycache" in name or name.startswith("handler/")]


def test_the_same_inputs_give_the_same_bytes(
    sealed: Path, model_folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(model_folder, tmp_path / "copy", copy_function=shutil.copyfile)
    (tmp_path / "store").mkdir()
    assert sha256_of_file(pack(copy, tmp_path / "store")) == sha256_of_file(sealed)


def change_a_weight(contents: Contents) -> None:
    contents["model.bin"] = contents["model.bin"][:-1] + b"\x7f"


def add_a_module(contents: Contents) -> None:
    contents["classifier/extra.py"] = b"import os\n"


def take_the_labels(contents: Contents) -> None:
    del contents["index_to_name.json"]


def take_the_hashes(contents: Contents) -> None:
    del contents[SUMS]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_a_weight, r"changed since it was sealed: model\.bin$"),
        (add_a_module, r"changed since it was sealed: classifier/extra\.py$"),
        (take_the_labels, r"changed since it was sealed: index_to_name\.json$"),
        (take_the_hashes, "has no MAR-INF/SHA256SUMS"),
    ],
)
def test_a_changed_archive_is_refused(
    sealed: Path, tmp_path: Path, change: Callable[[Contents], None], message: str
) -> None:
    mar = rewrite(sealed, tmp_path / "changed.mar", change, reseal=False)
    with pytest.raises(VerifyError, match=message):
        verify(mar)


@pytest.mark.parametrize(
    "name",
    [
        *("../outside.py", "/etc/outside", "a/../../b", "a\\..\\b"),
        *("sub/", "./labels.py", "a//b", "a\nb"),
    ],
)
def test_members_that_would_land_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    mar, folder = tmp_path / "evil.mar", tmp_path / "model"
    folder.mkdir()
    with zipfile.ZipFile(mar, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"")
    with pytest.raises(VerifyError, match="refused member name"):
        unpack(mar, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.mar", "model"]


def test_links_are_refused(tmp_path: Path) -> None:
    mar = tmp_path / "evil.mar"
    info = zipfile.ZipInfo("passwords")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(mar, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(VerifyError, match="is a link or device"):
        unpack(mar, tmp_path)


def two_members(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        contents = {"a.py": b"first", "b.py": b"second"}
        for name, content in (contents | {SUMS: format_sums(contents)}).items():
            archive.writestr(name, content)
    return path.read_bytes()


def hide_a_member(mar: bytes) -> bytes:
    """Put a member before the directory, which does not name it; TorchServe would unpack it."""
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr("a.py", b"other")
        end = archive.start_dir
    directory = mar.index(b"PK\1\2")
    shifted = bytearray(mar)
    shifted[-6:-2] = struct.pack("<I", directory + end)
    return bytes(shifted[:directory] + file.getvalue()[:end] + shifted[directory:])


def put_something_before(mar: bytes) -> bytes:
    return b"#!/bin/sh\n" + mar


def say_another_size(mar: bytes) -> bytes:
    return mar.replace(struct.pack("<II", 5, 5), struct.pack("<II", 5, 4), 1)


def say_that_it_is_encrypted(mar: bytes) -> bytes:
    return mar[:6] + b"\1" + mar[7:]


@pytest.mark.parametrize(
    "change", [hide_a_member, put_something_before, say_another_size, say_that_it_is_encrypted]
)
def test_what_only_torchserve_would_see_is_refused(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    mar, folder = tmp_path / "evil.mar", tmp_path / "model"
    folder.mkdir()
    good = two_members(mar)
    unpack(mar, folder)
    mar.write_bytes(change(good))
    with zipfile.ZipFile(mar) as archive:  # to Python it is as it was
        assert archive.read("b.py") == b"second"
    with pytest.raises(VerifyError, match=r"contradicts the directory|belong to no member"):
        unpack(mar, folder)


def test_a_damaged_stream_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mar = tmp_path / "damaged.mar"
    with zipfile.ZipFile(mar, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", b"some text " * 100)
    damaged = bytearray(mar.read_bytes())
    damaged[34:36] = b"\xff\xff"  # where the contents begin
    mar.write_bytes(damaged)
    assert main(["verify", str(mar)]) == 1
    assert "cannot be read as a .mar: " in capsys.readouterr().err


def test_an_archive_that_changes_meanwhile_gets_no_stamp(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mar = tmp_path / "drawn.mar"
    shutil.copyfile(sealed, mar)

    def unpack_slowly(mar: Path, folder: Path) -> None:
        unpack(mar, folder)
        mar.write_bytes(b"of another build")

    monkeypatch.setattr("archive.verify.unpack", unpack_slowly)
    with pytest.raises(VerifyError, match="changed while it was verified"):
        verify(mar)


def test_whatever_is_of_the_checkout_came_from_elsewhere(tmp_path: Path) -> None:
    foreign = foreign_modules(tmp_path)
    assert __file__ in foreign
    assert not [file for file in foreign if "site-packages" in file]


def test_a_name_that_the_archive_brings_must_come_from_it(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").touch()
    assert np.__file__ in foreign_modules(tmp_path)


def test_what_would_fill_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.members.MAX_TOTAL_BYTES", 1000)
    mar = tmp_path / "bomb.mar"
    with zipfile.ZipFile(mar, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bin", bytes(1001))
    with pytest.raises(VerifyError, match="unpacks to 1,001 bytes"):
        unpack(mar, tmp_path)


def test_a_file_that_is_no_archive_is_refused(sealed: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.mar"
    half.write_bytes(sealed.read_bytes()[:100_000])
    with pytest.raises(VerifyError, match=r"cannot be read as a \.mar"):
        verify(half)


def test_answers_that_differ_from_the_evaluation_are_refused(
    model_folder: Path, tmp_path: Path
) -> None:
    answers = json.loads((model_folder / "reference.json").read_text(encoding="utf-8"))
    shifted = {name: values[1:] + values[:1] for name, values in answers.items()}
    mar = pack(model_folder, tmp_path, changed={"reference.json": json.dumps(shifted)})
    with pytest.raises(VerifyError, match=r"differs by .* from the reference's"):
        verify(mar)


def test_a_handler_that_does_not_load_is_refused_with_its_cause(
    sealed: Path, tmp_path: Path
) -> None:
    def break_the_handler(contents: Contents) -> None:
        contents["classifier/labels.py"] = b"import no_such_module\n"

    mar = rewrite(sealed, tmp_path / "broken.mar", break_the_handler, reseal=True)
    with pytest.raises(VerifyError, match="No module named 'no_such_module'"):
        verify(mar)


def test_an_inherited_python_path_does_not_replace_the_archives_modules(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "classifier").mkdir()
    (tmp_path / "classifier" / "__init__.py").write_text("raise RuntimeError('wrong one')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert verify(sealed).difference < 1e-4


def test_modules_of_the_checkout_do_not_count_as_the_archives(sealed: Path, tmp_path: Path) -> None:
    def forget_a_module(contents: Contents) -> None:
        for name in [name for name in contents if name.startswith("classifier/")]:
            del contents[name]

    mar = rewrite(sealed, tmp_path / "hollow.mar", forget_a_module, reseal=True)
    with pytest.raises(VerifyError, match=r"modules came from elsewhere: .*classifier"):
        verify(mar)


def test_a_refusal_ends_the_command_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path / "missing.mar")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
