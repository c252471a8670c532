"""Chooses an imported model's class names: the user's file, one beside the weights, or folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archive.errors import ModelImportError
from archive.imports.labels import check_number, read_class_names
from archive.imports.photos import folder_names
from storage import fetch

if TYPE_CHECKING:
    from pathlib import Path

    from archive.imports.finding import Found
    from archive.imports.sidecar import Sidecar


class Labels(NamedTuple):
    """Class names in the order of the outputs, and their source, for messages."""

    class_names: tuple[str, ...]
    source: str


def choose_labels(
    url: str | None, found: Found, beside: Sidecar, data_root: Path | None, num_classes: int
) -> Labels:
    """Choose the class names.

    Args:
        url: The file that the user names; None to use the other sources.
        found: The files beside the weights.
        beside: The contents of `config.json`.
        data_root: The photos; None if there are none.
        num_classes: Outputs of the network.

    Raises:
        ModelImportError: There are none, several contradict each other, or their number differs
            from the network's outputs.
        storage.StorageError: The file is in a bucket, and cannot be copied.
    """
    labels = find_labels(url, found, beside, data_root)
    check_number(labels.class_names, num_classes, labels.source)
    return labels


def find_labels(url: str | None, found: Found, beside: Sidecar, data_root: Path | None) -> Labels:
    """Find class names; see `choose_labels`, which also compares their number with the network."""
    if url is not None:
        return Labels(read_class_names(fetch(url)), url)
    if found.labels:
        return _read_agreeing(found.labels)
    if beside.class_names is not None:
        return Labels(beside.class_names, beside.source)
    if data_root is not None and (names := folder_names(data_root)):
        return Labels(names, f"the folders of {data_root}")
    raise ModelImportError(
        "no class names: name a file with LABELS=, one name per output in their order, or "
        "photos with DATA_URL=, whose folders in alphabetical order are taken"
    )


def _read_agreeing(paths: tuple[Path, ...]) -> Labels:
    """Read the files of class names beside the weights, which must not contradict each other."""
    read = {path.name: read_class_names(path) for path in paths}
    if len(set(read.values())) > 1:
        raise ModelImportError(
            f"{' and '.join(read)} differ in their class names or order: choose one with LABELS="
        )
    name, class_names = next(iter(read.items()))
    return Labels(class_names, name)
