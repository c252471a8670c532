"""Reads the boxes of a HEIF file (AVIF is one): its images, and where their bytes and sizes are.

What is not read here as a decoder reads it is refused: both must see the same file. Sources:
ISO/IEC 14496-12 (boxes) and 23008-12 (items and their properties).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from classifier.errors import TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BOXES = 4096  # in one box
MAX_TABLE_BYTES = 65_536  # libavif searches its tables from the start for each entry
_TABLES = (b"iinf", b"iloc", b"iref", b"ipma")
_IN_FILE, _IN_IDAT = 0, 1  # where the bytes of an item are
_OLD_ITEM, _ITEM = 2, 3  # versions of the box that describes an item


class Box(NamedTuple):
    """One box.

    Attributes:
        kind: Its type, four characters.
        start: Where its contents begin.
        end: Where they end.
    """

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True)
class Item:
    """One item of a file, such as an image, a grid of images, or EXIF data.

    Attributes:
        kind: Its type, four characters.
        kind_at: Where that is written.
        parts: From where to where its bytes are.
        size: Width and height that the file claims; (0, 0) if it claims none.
    """

    kind: bytes
    kind_at: int
    parts: tuple[tuple[int, int], ...]
    size: tuple[int, int]

    def contents(self, data: bytes) -> bytes:
        """Return the item's bytes."""
        return b"".join(data[start:end] for start, end in self.parts)


@dataclass(frozen=True)
class Heif:
    """The items of a file, the properties that they may share, and whether it is a film."""

    items: tuple[Item, ...]
    properties: tuple[Box, ...]
    is_sequence: bool


def read_heif(data: bytes) -> Heif:
    """Read the boxes of a file.

    Raises:
        TooLarge: There are more boxes than pictures have, or larger tables.
        ValueError: It is damaged.
    """
    try:
        return _read(data)
    except (struct.error, IndexError) as error:
        raise ValueError("a box breaks off") from error


def _read(data: bytes) -> Heif:
    top = list(_boxes(data, 0, len(data)))
    meta = _only(top, b"meta")
    inner = list(_boxes(data, meta.start + 4, meta.end))
    of_items = _only(inner, b"iprp")
    tables = list(_boxes(data, of_items.start, of_items.end))
    for kind in _TABLES:
        sizes = [box.end - box.start for box in inner + tables if box.kind == kind]
        if sum(sizes) > MAX_TABLE_BYTES:
            raise _too_many(f"{MAX_TABLE_BYTES:,} bytes in the table {kind.decode()}")
    container = _only(tables, b"ipco")
    properties = tuple(_boxes(data, container.start, container.end))
    idat = next((box.start for box in inner if box.kind == b"idat"), None)
    places = dict(_places(data, _only(inner, b"iloc"), idat))
    sizes_of = dict(_sizes(data, [box for box in tables if box.kind == b"ipma"], properties))
    items = tuple(
        Item(kind, at, tuple(places.get(number, ())), sizes_of.get(number, (0, 0)))
        for number, (kind, at) in _types(data, _only(inner, b"iinf")).items()
    )
    return Heif(items, properties, any(box.kind == b"moov" for box in top))


def _boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    for _ in range(MAX_BOXES):
        if start == end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        inner = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, inner)
            inner += 8
        stop = start + size if size else end
        if not inner <= stop <= end:
            raise ValueError(f"the box {kind!r} breaks off")
        yield Box(kind, inner, stop)
        start = stop
    raise _too_many(f"{MAX_BOXES:,} boxes in one")


def _only(boxes: list[Box], kind: bytes) -> Box:
    found = [box for box in boxes if box.kind == kind]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} boxes {kind.decode()}, not one")
    return found[0]


def _types(data: bytes, table: Box) -> dict[int, tuple[bytes, int]]:
    """Read each item's type, and where that is written."""
    types = {}
    for box in _boxes(data, table.start + (6 if data[table.start] == 0 else 8), table.end):
        version = data[box.start]
        if box.kind != b"infe" or version not in {_OLD_ITEM, _ITEM}:
            raise ValueError("an item is of an unknown kind")
        form, at = (">H", box.start + 8) if version == _OLD_ITEM else (">I", box.start + 10)
        (number,) = struct.unpack_from(form, data, box.start + 4)
        if number in types:
            raise ValueError("two items have one number")
        types[number] = (data[at : at + 4], at)
    return types


def _places(
    data: bytes, table: Box, idat: int | None
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Read each item's number, and from where to where its parts are."""
    numbers = _Numbers(data[table.start : table.end])
    version = numbers.take(1)
    numbers.take(3)
    sizes = numbers.take(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2  # noqa: PLR2004
    for _ in range(numbers.take(wide)):
        number = numbers.take(wide)
        method = numbers.take(2) & 15 if version else _IN_FILE
        numbers.take(2)
        origins = {_IN_FILE: 0, _IN_IDAT: idat}
        origin = origins.get(method)
        if origin is None:
            raise ValueError("an item is in an unknown place")
        origin += numbers.take(base)
        parts = []
        for _ in range(numbers.take(2)):
            numbers.take(index if version else 0)
            start = origin + numbers.take(offset)
            end = start + numbers.take(length)
            if end > len(data):
                raise ValueError("an item breaks off")
            parts.append((start, end))
        yield number, parts


def _sizes(
    data: bytes, tables: list[Box], properties: tuple[Box, ...]
) -> Iterator[tuple[int, tuple[int, int]]]:
    """Read each item's number and its claimed width and height."""
    for table in tables:
        numbers = _Numbers(data[table.start : table.end])
        version = numbers.take(1)
        wide = 2 if numbers.take(3) & 1 else 1
        for _ in range(numbers.take(4)):
            number = numbers.take(4 if version else 2)
            for _ in range(numbers.take(1)):
                index = numbers.take(wide) & (0x7FFF if wide > 1 else 0x7F)
                box = properties[index - 1] if index else None
                if box and box.kind == b"ispe":
                    yield number, struct.unpack_from(">II", data, box.start + 4)


class _Numbers:
    """Reads numbers of some bytes, the highest first; raises ValueError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, size: int) -> int:
        self._place += size
        if self._place > len(self._data):
            raise ValueError("a table breaks off")
        return int.from_bytes(self._data[self._place - size : self._place], "big")


def _too_many(found: str) -> TooLarge:
    return TooLarge(
        expected="an image file of as many parts as pictures have",
        found=f"more than {found}",
        remedy="save the image again",
    )
