"""Archives as users make them, and as attackers do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest

from train.data import unpacked
from train.data.unpacking import unpack
from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PHOTO = bytes(range(256)) * 8


def tarball(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zip_file(path: Path, names: list[bytes], *, marked: bool = False) -> Path:
    """Write a zip file with names of any bytes, marked as UTF-8 or not."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for index, name in enumerate(names):
            zipped.writestr(chr(65 + index) * len(name), PHOTO)
    content = path.read_bytes()
    for index, name in enumerate(names):
        content = content.replace(bytes([65 + index]) * len(name), name)
    if marked:
        for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            start = content.index(signature) + offset
            content = content[:start] + struct.pack("<H", 0x800) + content[start + 2 :]
    path.write_bytes(content)
    return path


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refusal(archive: Path, *, encoding: str | None = None) -> str:
    """Unpack what is to be refused in one line that names it."""
    with pytest.raises(DataError) as caught:
        unpack(archive, archive.parent / "inside", encoding)
    message = str(caught.value)
    assert message.startswith(str(archive))
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "daisy/../../escaped"])
def test_nothing_leads_outside(tmp_path: Path, name: str) -> None:
    assert "leads outside" in refusal(tarball(tmp_path / "evil.tar", [(entry(name), b"x")]))
    (tmp_path / "inside").rmdir()
    assert "leads outside" in refusal(zip_file(tmp_path / "evil.zip", [name.encode()]))
    assert not (tmp_path / "escaped").exists()


def test_backslashes_lead_nowhere_else(tmp_path: Path) -> None:
    assert "leads outside" in refusal(zip_file(tmp_path / "evil.zip", [b"..\\escaped"]))


def test_links_past_the_longest_path_write_nothing(tmp_path: Path) -> None:
    """What got round the `data` filter: the kernel resolves what `realpath` gives up on."""
    step = "d" * 247
    members, path = [], ""
    for letter in "abcdefghijklmnop":
        members += [
            (entry(path + step, tarfile.DIRTYPE), b""),
            (entry(path + letter, tarfile.SYMTYPE, step), b""),
        ]
        path += f"{step}/"
    link = "/".join("abcdefghijklmnop") + "/" + "l" * 254
    members += [
        (entry(link, tarfile.SYMTYPE, "../" * 16), b""),
        (entry("escape", tarfile.SYMTYPE, f"{link}/../escaped"), b""),
        (entry("escaped file", tarfile.LNKTYPE, "escape"), b""),
        (entry("escaped file"), b"written outside"),
    ]
    refusal(tarball(tmp_path / "evil.tar", members))
    assert not any("escaped" in name for name in map(str, tmp_path.iterdir()))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_a_tarball_brings_no_links_or_devices(tmp_path: Path, kind: bytes) -> None:
    members = [(entry("daisy/0.jpg"), PHOTO), (entry("daisy/1.jpg", kind, "0.jpg"), b"")]
    assert "neither file nor folder" in refusal(tarball(tmp_path / "links.tar", members))
    assert "dereference" in refusal_again(tmp_path / "links.tar")


def refusal_again(archive: Path) -> str:
    archive.parent.joinpath("inside").rename(archive.parent / "before")
    return refusal(archive)


def test_a_zip_file_brings_no_links(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("daisy")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as zipped:
        zipped.writestr(info, "/tmp")  # noqa: S108
        zipped.writestr("daisy/0.jpg", PHOTO)
    assert "neither file nor folder" in refusal(tmp_path / "link.zip")


@pytest.mark.parametrize("form", ["zip", "tar.gz", "many", "header"])
def test_a_bomb_is_not_unpacked(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "_MIN_LIMIT_BYTES", 2**22)
    archive = tmp_path / f"bomb.{form}"
    if form == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr("daisy/0.jpg", bytes(2**24))
    else:
        members = {
            "tar.gz": [(entry("daisy/0.jpg"), bytes(2**24))],
            "many": [(entry(f"daisy/{index}.jpg"), b"") for index in range(2000)],
            "header": [
                (entry("daisy/0.jpg"), PHOTO),
                (entry("x", tarfile.GNUTYPE_LONGNAME), bytes(2**24)),
            ],
        }[form]
        plain = tarball(tmp_path / "plain.tar", members)
        archive.write_bytes(gzip.compress(plain.read_bytes()))
    found = refusal(archive)
    assert "unpacks to more than" in found or "a header of 16,777,216 bytes" in found
    inside = sum(path.stat().st_size for path in (tmp_path / "inside").rglob("*.jpg"))
    assert inside <= 2**22


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("damage", ["cut", "last byte", "middle", "header"])
def test_damage_is_one_line(tmp_path: Path, pack: Callable[[bytes], bytes], damage: str) -> None:
    members = [(entry(f"daisy/{index}.jpg"), os.urandom(2000)) for index in range(40)]
    plain = bytearray(tarball(tmp_path / "plain.tar", members).read_bytes())
    if damage == "header":
        plain[20 * 2560 + 4] ^= 0xFF
    packed = bytearray(pack(bytes(plain)))
    if damage == "cut":
        packed = packed[: len(packed) // 2]
    elif damage == "middle":
        packed[len(packed) // 2] ^= 0xFF
    elif damage == "last byte":
        packed[-6] ^= 0xFF
    archive = tmp_path / "damaged.tar"
    archive.write_bytes(packed)
    if pack is bytes and damage in ("middle", "last byte"):
        return  # a plain tarball has no checksum of its contents
    assert "damaged" in refusal(archive)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_damaged_member_of_a_zip_file_is_one_line(tmp_path: Path, method: int) -> None:
    archive = tmp_path / "damaged.zip"
    with zipfile.ZipFile(archive, "w", method) as zipped:
        zipped.writestr("daisy/0.jpg", os.urandom(2000))
    content = bytearray(archive.read_bytes())
    content[1000] ^= 0xFF
    archive.write_bytes(content)
    assert "damaged" in refusal(archive)


@pytest.mark.parametrize(
    ("flags", "method", "words"),
    [(1, 8, "encrypted"), (0, 9, "deflate64"), (0, 99, "unpack it yourself")],
)
def test_what_cannot_be_read_names_a_way(
    tmp_path: Path, flags: int, method: int, words: str
) -> None:
    archive = zip_file(tmp_path / "other.zip", [b"daisy/0.jpg"])
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        struct.pack_into("<HH", content, content.index(signature) + offset, flags, method)
    archive.write_bytes(content)
    found = refusal(archive)
    assert words in found
    assert "name the folder" in found


def test_text_is_no_archive(tmp_path: Path) -> None:
    for content in (b"", b"hello", gzip.compress(b"hello" * 1000)):
        (tmp_path / "text.tgz").write_bytes(content)
        assert "no tarball or zip file" in refusal(tmp_path / "text.tgz")
        (tmp_path / "inside").rmdir()


@pytest.mark.parametrize(
    ("plain", "encoding", "name"),
    [
        ("雏菊/0.jpg".encode("gbk"), "gbk", "雏菊/0.jpg"),
        ("誠\\0.jpg".encode("gbk"), "gbk", "誠/0.jpg"),
        ("Gänseblümchen/0.jpg".encode("latin-1"), "latin-1", "Gänseblümchen/0.jpg"),
        ("pâquerette/0.jpg".encode("cp850"), "cp850", "pâquerette/0.jpg"),
        ("雏菊/0.jpg".encode(), None, "雏菊/0.jpg"),
        (b"daisy\\0.jpg", None, "daisy/0.jpg"),
    ],
)
def test_names_come_out_as_they_were_meant(
    tmp_path: Path, plain: bytes, encoding: str | None, name: str
) -> None:
    archive = zip_file(tmp_path / "names.zip", [plain])
    if encoding:
        assert f"{encoding} ({name})" in refusal(archive).replace("\\", "/")
        (tmp_path / "inside").rmdir()
    unpack(archive, tmp_path / "inside", encoding)
    assert files(tmp_path / "inside") == {name}


def test_marked_names_are_what_they_say_whatever_is_named(tmp_path: Path) -> None:
    archive = zip_file(tmp_path / "names.zip", ["雏菊/0.jpg".encode()], marked=True)
    unpack(archive, tmp_path / "inside", "latin-1")
    assert files(tmp_path / "inside") == {"雏菊/0.jpg"}


def test_a_unicode_name_beside_the_plain_one_counts(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("___/0.jpg")
    field = b"\1" + struct.pack("<L", zlib.crc32(b"___/0.jpg")) + "雏菊/0.jpg".encode()
    info.extra = struct.pack("<HH", 0x7075, len(field)) + field
    with zipfile.ZipFile(tmp_path / "names.zip", "w") as zipped:
        zipped.writestr(info, PHOTO)
    unpack(tmp_path / "names.zip", tmp_path / "inside")
    assert files(tmp_path / "inside") == {"雏菊/0.jpg"}


def test_names_in_a_tarball_are_asked_for_too(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "gbk.tar", "w", format=tarfile.GNU_FORMAT, encoding="gbk") as tar:
        tar.addfile(entry("雏菊/0.jpg"))
    assert "gbk (雏菊/0.jpg)" in refusal(tmp_path / "gbk.tar")
    (tmp_path / "inside").rmdir()
    unpack(tmp_path / "gbk.tar", tmp_path / "inside", "gbk")
    assert files(tmp_path / "inside") == {"雏菊/0.jpg"}


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    archive = zip_file(tmp_path / "names.zip", [b"daisy/0.jpg"])
    with pytest.raises(DataError, match="--name_encoding gkb: unknown; usual ones: gbk"):
        unpack(archive, tmp_path / "inside", "gkb")


def test_a_tarball_of_the_folder_itself(tmp_path: Path) -> None:
    members = [
        (entry("./", tarfile.DIRTYPE), b""),
        (entry("./daisy", tarfile.DIRTYPE), b""),
        (entry("./daisy/0.jpg"), PHOTO),
    ]
    unpack(tarball(tmp_path / "photos.tar", members), tmp_path / "inside")
    assert (tmp_path / "inside/daisy/0.jpg").read_bytes() == PHOTO
