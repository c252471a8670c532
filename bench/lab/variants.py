"""The archive with other settings: another model-config.yaml, sealed and stamped again."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

from archive.members import MODEL_CONFIG
from archive.seal import seal, write_stamp
from bench.lab.config_files import set_yaml
from classifier.description import sha256_of_file
from client.operations.model_store import stamp_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def variant(mar: Path, settings: Mapping[str, int], folder: Path) -> Path:
    """Write a copy of a verified archive whose model-config.yaml has other values.

    Args:
        mar: The archive.
        settings: Values such as `{"batchSize": 8, "handler.decode_threads": 1}`.
        folder: Folder for the copy, which keeps its name, the model's.

    Returns:
        The copy; everything but its settings was verified as part of `mar`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / mar.name
    with zipfile.ZipFile(mar) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == MODEL_CONFIG:
                content = set_yaml(content.decode(), settings).encode()
            target.writestr(name, content)
    seal(copy)
    write_stamp(stamp_of(copy), copy, sha256_of_file(copy))
    return copy


def remove(mar: Path) -> None:
    """Remove a copy and its folder."""
    shutil.rmtree(mar.parent, ignore_errors=True)
