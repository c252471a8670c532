"""Reads class names, in the order of the output neurons, from the usual formats.

`{"0": "daisy"}` (ModelArts, and ours), `{"daisy": 0}` (torchvision's `class_to_idx`),
`{"0": ["n01440764", "tench"]}` (TorchServe's ImageNet example), a JSON list, or a text file with
one name per line.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from archive.errors import ModelImportError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SHOWN = 8
_FORMS = (
    'expected {"0": "daisy", ...}, {"daisy": 0, ...}, ["daisy", ...], or a text file with a name '
    "a line"
)


def read_class_names(path: Path) -> tuple[str, ...]:
    """Read class names.

    Raises:
        ModelImportError: The file cannot be read, has an unknown format, or contains gaps,
            duplicates or empty names.
    """
    text = _read_text(path)
    stripped = text.strip()
    if stripped.startswith(("{", "[")):
        try:
            names = parse_class_names(json.loads(stripped, object_pairs_hook=_pairs), str(path))
        except json.JSONDecodeError as error:
            raise ModelImportError(f"{path}: damaged JSON: {error}; {_FORMS}") from error
        return names
    return _checked([line.strip() for line in stripped.splitlines()], str(path))


def parse_class_names(content: Any, where: str) -> tuple[str, ...]:
    """Read class names from a JSON file's contents; `where` names the file in messages.

    Raises:
        ModelImportError: As `read_class_names`.
    """
    if isinstance(content, dict) and isinstance(content.get("labels_list"), list):
        content = content["labels_list"]  # the file `index` of ModelArts' own algorithms
    if isinstance(content, list):
        return _checked(_names(content), where)
    if not isinstance(content, dict) or not content:
        raise ModelImportError(f"{where}: holds no class names; {_FORMS}")
    numbered = all(isinstance(value, int) for value in content.values())
    if not numbered and all(_is_index(key) for key in content):
        names = _names(list(content.values()))
        return _in_order(dict(zip(map(int, content), names, strict=True)), where)
    if all(_is_index(value) for value in content.values()):
        return _in_order({index: name for name, index in _distinct(content, where)}, where)
    raise ModelImportError(f"{where}: its keys are no indices, nor are its values; {_FORMS}")


def check_number(class_names: tuple[str, ...], num_classes: int, where: str) -> None:
    """Check that there is one name per output of the network.

    Raises:
        ModelImportError: There are more, or fewer.
    """
    if len(class_names) != num_classes:
        raise ModelImportError(
            f"{where}: has {len(class_names)} class names, the network's head has {num_classes} "
            "outputs: name the labels of this model with LABELS="
        )


def shown(class_names: Sequence[str]) -> str:
    """List class names for a message; only the first if there are many."""
    return ", ".join(class_names[:_SHOWN]) + (", ..." if len(class_names) > _SHOWN else "")


def _read_text(path: Path) -> str:
    """Decode a file by its byte order mark, else as UTF-8, else as GB 18030 (Chinese Windows)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelImportError(f"{path}: cannot be read: {error.strerror}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ModelImportError(f"{path}: is not text in UTF-8, UTF-16 or GB 18030; save it as UTF-8")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse duplicate keys, which JSON would drop silently."""
    keys = [key for key, _ in pairs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ModelImportError(f"labels: duplicate keys in a JSON object: {', '.join(twice)}")
    return dict(pairs)


def _is_index(value: Any) -> bool:
    text = str(value)
    return not isinstance(value, bool | float) and text.isascii() and text.isdigit()


def _names(values: list[Any]) -> list[str]:
    """Return the names; from TorchServe's pairs of WordNet id and name, the name.

    Two of ImageNet's names are shared by two classes each; these get the id appended.
    """
    pairs = [value for value in values if _is_pair(value)]
    shown = [pair[1] for pair in pairs]
    names = []
    for value in values:
        if _is_pair(value):
            identifier, name = value
            names.append(f"{name} ({identifier})" if shown.count(name) > 1 else name)
        else:
            names.append(value if isinstance(value, str) else "")
    return [name.strip() for name in names]


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value)  # noqa: PLR2004
    )


def _distinct(content: dict[str, Any], where: str) -> list[tuple[str, int]]:
    indices = [int(value) for value in content.values()]
    twice = sorted({index for index in indices if indices.count(index) > 1})
    if twice:
        shared = [name for name, index in content.items() if int(index) == twice[0]]
        raise ModelImportError(f"{where}: index {twice[0]} belongs to {' and '.join(shared)}")
    return list(zip((name.strip() for name in content), indices, strict=True))


def _in_order(names: dict[int, str], where: str) -> tuple[str, ...]:
    missing = [str(index) for index in range(max(names) + 1) if index not in names]
    if missing:
        hint = "; do they start at 1?" if missing == ["0"] else ""
        raise ModelImportError(
            f"{where}: no class name for index {', '.join(missing[:5])}; expected 0 to "
            f"{len(names) - 1}{hint}"
        )
    return _checked([names[index] for index in range(len(names))], where)


def _checked(names: list[str], where: str) -> tuple[str, ...]:
    if not names:
        raise ModelImportError(f"{where}: holds no class names; {_FORMS}")
    for index, name in enumerate(names):
        if not name:
            raise ModelImportError(f"{where}: class {index} has no name; {_FORMS}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ModelImportError(f"{where}: duplicate class names: {', '.join(twice[:5])}")
    return tuple(names)
