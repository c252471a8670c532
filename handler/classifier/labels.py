"""Class names: `index_to_name.json`, the format that TorchServe and ModelArts share.

`{"0": "daisy", "1": "dandelion"}` maps the index of an output neuron to its class.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from classifier.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LABELS_FILE = "index_to_name.json"


def read_labels(path: Path) -> tuple[str, ...]:
    """Read the class names, in the order of the output neurons.

    Raises:
        ModelError: The file is missing or not a JSON object, or its keys are not "0" to "N-1" with
            distinct, non-empty names.
    """
    try:
        index_to_name = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot read the class names: {error}") from error
    if not isinstance(index_to_name, dict):
        raise ModelError(f'{path}: expected an object such as {{"0": "daisy"}}')
    expected_keys = {str(index) for index in range(len(index_to_name))}
    if set(index_to_name) != expected_keys:
        raise ModelError(
            f'{path}: expected the keys "0" to "{len(index_to_name) - 1}", '
            f"found {sorted(index_to_name)}"
        )
    names = tuple(index_to_name[str(index)] for index in range(len(index_to_name)))
    _check_names(names, path)
    return names


def write_labels(path: Path, class_names: Sequence[str]) -> None:
    """Write the class names, in the order of the output neurons.

    Raises:
        ModelError: There are no names, or they are empty or not distinct.
    """
    _check_names(tuple(class_names), path)
    index_to_name = {str(index): name for index, name in enumerate(class_names)}
    text = json.dumps(index_to_name, ensure_ascii=False, indent=2) + "\n"
    path.write_text(text, encoding="utf-8")


def positions(class_names: Sequence[str], of: Sequence[str]) -> list[int]:
    """Return the index in `class_names` of each name in `of`.

    A model and a data set may have the same classes in different orders.

    Raises:
        ModelError: They are not the same classes.
    """
    if sorted(class_names) != sorted(of):
        raise ModelError(f"not the same classes: {', '.join(class_names)}; and {', '.join(of)}")
    return [class_names.index(name) for name in of]


def _check_names(names: tuple[object, ...], path: Path) -> None:
    if not names:
        raise ModelError(f"{path}: no class names")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise ModelError(f"{path}: class {index} has no name, found {name!r}")
    doubles = sorted({str(name) for name in names if names.count(name) > 1})
    if doubles:
        raise ModelError(f"{path}: class names must be distinct, found twice: {', '.join(doubles)}")
