"""The classes of photos from a table beside them: CSV or JSON lines, `image,label` as people write.

    image_id,label            filename;species;split        {"file_name": "1.jpg", "label": "daisy"}
    1,daisy                   1.jpg;daisy;train

Photos are named by their path from the table, or by a name that only one of them has, with or
without its suffix. A table with a column for each class, of zeros and a one, is read too.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from train.data.class_problems import alike
from train.data.data_set import listed
from train.data.split_names import split_of
from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

# In order of preference; compared in small letters, with "_" for spaces and "-".
_PHOTO_COLUMNS = (
    *("image", "filename", "file_name", "file", "path", "filepath", "file_path", "image_path"),
    *("img_path", "img", "image_file", "image_name", "img_name", "imagename", "fname", "photo"),
    *("image_id", "imageid", "img_id", "id", "name"),
)
_LABEL_COLUMNS = (
    *("class_name", "classname", "label_name", "category_name", "species", "breed", "label"),
    *("class", "category", "target", "labels", "tag", "class_id", "label_id", "category_id"),
)
_SPLIT_COLUMNS = ("split", "subset", "partition", "set", "fold_name", "usage")
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Row:
    """A line of a table: how it calls a photo, its class, its split or ""."""

    photo: str
    label: str
    split: str


@dataclass(frozen=True)
class Table:
    """The labels in a file.

    Attributes:
        path: The file.
        columns: Those that were used, for the record.
        rows: Its lines.
    """

    path: Path
    columns: str
    rows: tuple[Row, ...]


def read_table(path: Path) -> Table | None:
    """Read a table; None if it has no column of photos, or none of labels.

    Raises:
        DataError: It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = _json_lines(text) if path.suffix.casefold() == ".jsonl" else _csv_lines(text)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: cannot read this table ({error}); save it as UTF-8") from error
    names = list(lines[0]) if lines else []
    photo, split = _column(names, _PHOTO_COLUMNS), _column(names, _SPLIT_COLUMNS)
    if photo is None:
        return None
    label = _column(names, _LABEL_COLUMNS)
    one_hot = None if label else _one_hot(lines, [n for n in names if n not in (photo, split)])
    if label is None and one_hot is None:
        return None
    labels = one_hot or [_text(line.get(label or "")) for line in lines]
    rows = tuple(
        Row(_text(line.get(photo)).replace("\\", "/"), name, _text(line.get(split or "")))
        for line, name in zip(lines, labels, strict=True)
    )
    return Table(path, f"photos by {photo!r}, classes by {label or 'a column each'!r}", rows)


def labelled(
    table: Table, photos: Sequence[Path], default_split: str
) -> dict[str, dict[str, tuple[Path, ...]]]:
    """Give the photos of a table by split and class.

    Args:
        table: The labels.
        photos: Those that there are.
        default_split: Of rows that name none.

    Raises:
        DataError: With one message for each problem: photos that are not there, that are named
            twice with different classes, labels that can be no folder, splits of unknown names.
    """
    finder = _Finder(table.path.parent, photos)
    problems: dict[str, list[str]] = defaultdict(list)
    found: dict[Path, tuple[str, str]] = {}
    for row in table.rows:
        split = split_of(row.split) if row.split else default_split
        path = finder.find(row.photo)
        if path is None:
            problems["photos that are not there, or not under one name only"].append(row.photo)
        elif split is None:
            problems["splits that are neither train, val nor test"].append(row.split)
        elif not row.label or "/" in row.label or "\0" in row.label or row.label in (".", ".."):
            problems["labels that are empty, or contain a slash"].append(row.label or row.photo)
        elif found.setdefault(path, (split, row.label)) != (split, row.label):
            problems["photos with several labels or splits"].append(row.photo)
    if problems:
        raise DataError(
            *(
                f"{table.path}: {len(names)} {kind}: {listed(names)}: correct the table"
                for kind, names in problems.items()
            )
        )
    return _by_class(found)


def _by_class(
    found: Mapping[Path, tuple[str, str]],
) -> dict[str, dict[str, tuple[Path, ...]]]:
    splits: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(found):
        split, label = found[path]
        splits[split][label].append(path)
    return {
        split: {name: tuple(classes[name]) for name in sorted(classes)}
        for split, classes in splits.items()
    }


class _Finder:
    """Finds photos by the names that tables give them.

    A name that fits to the letter is preferred to one that differs in case or in Unicode form: a
    table from Windows or macOS beside photos on Linux has such.
    """

    def __init__(self, folder: Path, photos: Iterable[Path]) -> None:
        self._folder = folder
        self._photos = set(photos)
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        for path in self._photos:
            for name in {alike(path.name), alike(path.stem)}:
                self._by_name[name].append(path)

    def find(self, name: str) -> Path | None:
        """Return the photo; None if there is none, or more than one."""
        exact = self._folder / name
        if exact in self._photos:
            return exact
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if not parts:
            return None
        return self._only(parts, str) or self._only(parts, alike)

    def _only(self, parts: Sequence[str], spelt: Callable[[str], str]) -> Path | None:
        """Return the only photo that fits a path, where `spelt` makes equal names the same."""
        *folders, wanted = (spelt(part) for part in parts)
        named = [
            path
            for path in self._by_name.get(alike(parts[-1]), [])
            if wanted in (spelt(path.name), spelt(path.stem))
        ]
        fitting = [
            path
            for path in named
            if [spelt(part) for part in path.parts[-len(parts) : -1]] == folders
        ]
        if not fitting:  # a path of another machine's
            fitting = named
        return fitting[0] if len(fitting) == 1 else None


def _csv_lines(text: str) -> list[dict[str, Any]]:
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    lines = list(csv.reader(text.splitlines(), delimiter=delimiter))
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    if not lines:
        return []
    names = [name.strip() for name in lines[0]]
    if len(names) == 2 and _column(names, _PHOTO_COLUMNS) is None and "." in names[0]:  # noqa: PLR2004
        names, lines = ["image", "label"], [[], *lines]  # without a header
    return [dict(zip(names, line, strict=False)) for line in lines[1:]]


def _json_lines(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not all(isinstance(line, dict) for line in lines):
        raise ValueError("a line is no object")
    return lines


def _column(names: Iterable[str], known: Sequence[str]) -> str | None:
    """Return the name of the column that is known by the best of its usual names."""
    spelt = {name.strip().casefold().replace(" ", "_").replace("-", "_"): name for name in names}
    return next((spelt[name] for name in known if name in spelt), None)


def _one_hot(lines: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str] | None:
    """Return the label of each line from a column for each class; None if they are no such."""
    labels = []
    for line in lines:
        cells = {name: _text(line.get(name)) for name in names}
        marked = [name.strip() for name, cell in cells.items() if cell in ("1", "1.0")]
        if len(marked) != 1 or Counter(cells.values()).keys() - {"0", "1", "0.0", "1.0"}:
            return None
        labels += marked
    return labels


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
