"""Another picture size for the same weights: `make archive SIZE=160`.

Fewer pixels are less work: at 160 px a network computes half of what it does at 224 px. A network
that was trained on random crops tolerates this to some extent (Touvron et al. 2019,
arXiv:1906.06423); to what extent is measured on the photos, see `archive.grid`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from archive.errors import BuildError
from archive.source import read_source
from classifier.architectures import ONNX
from classifier.description import DESCRIPTION_FILE, read_description, write_description

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.source import Source
    from classifier.description import Preprocessing

AUTO = "auto"
_STEP = 32  # the stride of most networks: any other size wastes a border
_SMALLEST = 96
_LARGEST = 1024


def check_size(size: str) -> None:
    """Check what was asked for.

    Raises:
        BuildError: It is neither a size nor "auto".
    """
    if size in {"", AUTO}:
        return
    if not size.isdecimal() or not _STEP <= int(size) <= _LARGEST:
        raise BuildError(
            f"SIZE={size}: expected {_STEP} to {_LARGEST} pixels, such as SIZE=160, or SIZE={AUTO}"
        )


def sizes_of(source: Source, size: str) -> list[int]:
    """Return the sizes to try, the largest first.

    Args:
        source: The checked model.
        size: A number of pixels, "auto" for the model's own and all smaller ones, or empty for its
            own and the smaller ones that its recipe trained for.
    """
    own = source.description.preprocessing.crop
    if source.description.arch == ONNX and size not in {"", str(own)}:
        raise BuildError(
            f"SIZE={size}: {source.folder} holds an ONNX graph, which keeps its {own} px: leave "
            "out SIZE, or export it for another size and import that"
        )
    if size not in {"", AUTO}:
        return [int(size)]
    smallest = _SMALLEST if size == AUTO else _smallest_trained(source)
    return [own, *range((own - 1) // _STEP * _STEP, smallest - 1, -_STEP)]


def _smallest_trained(source: Source) -> int:
    """Return the size of the smallest crops that the training mixed, or the model's own."""
    from train.recipe import RECIPE_FILE, read_recipe  # noqa: PLC0415  not for ready forms

    path = source.folder / RECIPE_FILE
    own = source.description.preprocessing.crop
    if not path.is_file():  # an imported model
        return own
    recipe = read_recipe(path)
    return recipe.crop_first if recipe.crop_mixed else own


@contextlib.contextmanager
def sized(source: Source, pixels: int, data_url: Path | None) -> Iterator[Source]:
    """Yield the model at a size, measured anew on the photos if it is another than its own.

    Args:
        source: The checked model.
        pixels: The size.
        data_url: The data set; None if there is none: the accuracy was then never measured.

    Raises:
        ModelError: The network cannot be built for this size.
    """
    if pixels == source.description.preprocessing.crop:
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="marigold-size-") as temporary:
        folder = Path(temporary)
        _write(at_size(source, pixels), data_url, folder)
        yield read_source(folder)


def at_size(source: Source, size: int) -> Source:
    """Return the model as if it had been trained for another size.

    Args:
        source: The checked model.
        size: Side of the pictures in pixels; the resize changes in proportion.
    """
    preprocessing = _resized(source.description.preprocessing, size)
    description = dataclasses.replace(source.description, preprocessing=preprocessing)
    return dataclasses.replace(source, description=description)


def _resized(preprocessing: Preprocessing, size: int) -> Preprocessing:
    resize = max(size, round(preprocessing.resize * size / preprocessing.crop))
    return dataclasses.replace(preprocessing, resize=resize, crop=size)


def _write(source: Source, data_url: Path | None, folder: Path) -> None:
    """Write a model folder with everything that depends on the size measured again."""
    from archive.imports.checking import measure_seen  # noqa: PLC0415  imports PyTorch
    from archive.imports.photos import read_photo_set, see  # noqa: PLC0415
    from archive.imports.writing import Checked, Imported, write_model  # noqa: PLC0415
    from classifier.network import read_state_dict  # noqa: PLC0415

    before = source.description
    state = read_state_dict(source.weights)
    model = Imported(before.arch, state, source.class_names, before.preprocessing)
    checked = None
    if data_url is not None:
        photos = read_photo_set(data_url, source.class_names)
        network = source.network.module
        seen = see(network, photos.val, before.preprocessing, f"{before.preprocessing}")
        checked = Checked(photos, seen, measure_seen(seen, source.class_names))
    write_model(folder, model, checked)
    written = read_description(folder / DESCRIPTION_FILE)
    provenance = {
        name: getattr(before, name)
        for name in ("data_fingerprint", "temperature", "recipe", "git_revision")
    }
    write_description(folder / DESCRIPTION_FILE, dataclasses.replace(written, **provenance))
