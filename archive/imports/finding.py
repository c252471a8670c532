"""Finds the weights, the labels and the configuration in a folder or bucket.

Looks in the folder itself and in its `model/`, where ModelArts puts them. If several weights files
could be meant, it raises an error instead of picking one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from archive.errors import ModelImportError
from classifier.architectures import ONNX_SUFFIX
from classifier.description import DESCRIPTION_FILE
from classifier.labels import LABELS_FILE
from classifier.reference import REFERENCE_FILE
from storage import fetch, is_remote
from storage.locations import local_path

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS_SUFFIXES = (
    *(".pth", ".pt", ".safetensors", ".bin", ".ckpt", ".tar", ".pkl", ".model"),
    ONNX_SUFFIX,
)
_ONNX_DATA = (".onnx.data", ".onnx_data")  # where exporters keep the weights of an ONNX file
CONFIG_FILE = "config.json"
_SUBFOLDER = "model"  # in a ModelArts bucket
_LABEL_FILES = (
    *("class_indices.json", LABELS_FILE, "class_to_idx.json", "idx_to_class.json", "index"),
    *("labels.json", "classes.json", "class_names.json", "labels.txt", "classes.txt"),
    *("class_names.txt", "label.txt", "names.txt"),
)


@dataclass(frozen=True)
class Found:
    """The files of a model that was trained elsewhere.

    Attributes:
        weights: The weights file.
        labels: Candidates for its file of class names, without the user's own choice.
        config: The `config.json` beside them, of ModelArts or timm; None if there is none.
    """

    weights: Path
    labels: tuple[Path, ...] = ()
    config: Path | None = None


def find_files(url: str) -> Found:
    """Find a model's files at a path, or at the URL of a folder or object in a bucket.

    Raises:
        ModelImportError: There are no weights, or several candidates.
        storage.StorageError: It is in a bucket, and cannot be copied.
    """
    place = fetch(url, wanted=_is_wanted)
    if place.is_file():
        parent = url.rpartition("/")[0] if is_remote(url) else str(local_path(url).parent)
        beside = fetch(parent, wanted=lambda name: name == place.name or _is_sidecar(name))
        # From the same folder as the data of an ONNX file, which in a bucket's cache has a name of
        # its own.
        return _with_sidecars(beside / place.name, [beside])
    if not place.is_dir():
        raise ModelImportError(f"{url}: no such file or folder; name the weights with WEIGHTS=")
    folders = [place, place / _SUBFOLDER]
    for folder in folders:
        if (folder / DESCRIPTION_FILE).is_file() and (folder / REFERENCE_FILE).is_file():
            raise ModelImportError(
                f"{url} is a model folder already: `make archive TRAIN_URL={url}` packs it"
            )
        weights = [path for path in _files(folder) if path.suffix in WEIGHTS_SUFFIXES]
        if weights:
            return _with_sidecars(_only(weights, url), [folder, *folders])
    raise ModelImportError(
        f"{url}: no weights there or in {_SUBFOLDER}/ (*{', *'.join(WEIGHTS_SUFFIXES)}); "
        "name the file with WEIGHTS="
    )


def _with_sidecars(weights: Path, folders: list[Path]) -> Found:
    """Take labels and configuration from the first of these folders that contains them."""
    labels = next((found for folder in folders if (found := _labels(folder))), ())
    configs = [folder / CONFIG_FILE for folder in folders if (folder / CONFIG_FILE).is_file()]
    return Found(weights, labels, configs[0] if configs else None)


def _labels(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in _files(folder) if path.name in _LABEL_FILES)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")
    )


def _only(weights: list[Path], url: str) -> Path:
    if len(weights) > 1:
        names = ", ".join(path.name for path in weights)
        raise ModelImportError(
            f"{url}: has several weights files: choose one with WEIGHTS={url}/<one of {names}>"
        )
    return weights[0]


def _is_wanted(name: str) -> bool:
    """Whether to copy an object from a bucket's folder; photos are not copied."""
    path = PurePosixPath(name)
    in_place = path.parent in (PurePosixPath(), PurePosixPath(_SUBFOLDER))
    known = (*_LABEL_FILES, CONFIG_FILE, DESCRIPTION_FILE, REFERENCE_FILE)
    suffixes = (*WEIGHTS_SUFFIXES, *_ONNX_DATA)
    return in_place and (path.name.endswith(suffixes) or path.name in known)


def _is_sidecar(name: str) -> bool:
    return name in (*_LABEL_FILES, CONFIG_FILE) or name.endswith(_ONNX_DATA)
