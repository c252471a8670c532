"""Another picture size for the same weights: `make archive SIZE=160`, or `SIZE=auto`.

Fewer pixels are less work: at 160 px a network computes half of what it does at 224 px. A network
that was trained on random crops tolerates this to some extent (Touvron et al. 2019,
arXiv:1906.06423); to what extent is measured on the photos.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archive.errors import BuildError
from archive.exam import Exam
from archive.source import read_source
from classifier.description import DESCRIPTION_FILE, read_description, write_description
from console.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.gate import Figures
    from archive.source import Source
    from classifier.description import Preprocessing

AUTO = "auto"
_STEP = 32  # the stride of most networks: any other size wastes a border
_SMALLEST = 96
_LARGEST = 1024
logger = logging.getLogger(__name__)


class Trial(NamedTuple):
    """A size compared with the model's own, both in float32.

    Attributes:
        size: Side of the pictures in pixels.
        figures: On the validation photos.
        photos_per_s: Of the network alone, on this machine.
    """

    size: int
    figures: Figures
    photos_per_s: float


def at_size(source: Source, size: int) -> Source:
    """Return the model as if it had been trained for another size.

    Args:
        source: The checked model.
        size: Side of the pictures in pixels; the resize changes in proportion.
    """
    preprocessing = _resized(source.description.preprocessing, size)
    description = dataclasses.replace(source.description, preprocessing=preprocessing)
    return dataclasses.replace(source, description=description)


def try_sizes(source: Source, data_url: Path) -> list[Trial]:
    """Measure the model at its own size and at smaller ones, the largest first."""
    own = source.description.preprocessing.crop
    exam = Exam(source, data_url)
    trials = []
    for size in [own, *range((own - 1) // _STEP * _STEP, _SMALLEST - 1, -_STEP)]:
        other = exam if size == own else Exam(at_size(source, size), data_url)
        trials.append(Trial(size, other.against(exam), other.photos_per_s))
    return trials


def choose(trials: list[Trial]) -> int:
    """Return the smallest size that passes the accuracy gate; the first of them on any doubt."""
    own, *smaller = trials
    passing = [trial for trial in smaller if trial.figures.passes]
    doubts = [doubt for trial in passing for doubt in trial.figures.doubts]
    if doubts:
        logger.warning("the size stays at %d px: %s", own.size, doubts[0])
        return own.size
    return passing[-1].size if passing else own.size


@contextlib.contextmanager
def sized(source: Source, size: str, data_url: Path | None) -> Iterator[Source]:
    """Yield the model at the size that was asked for, measured anew on the photos.

    Args:
        source: The checked model.
        size: A number of pixels, or "auto" for the smallest that passes the accuracy gate; empty
            for the model's own.
        data_url: The data set; None if there is none: the accuracy was then never measured.

    Raises:
        BuildError: It is no size, or "auto" was asked for without photos.
        ModelError: The network cannot be built for this size.
    """
    own = source.description.preprocessing.crop
    pixels = _chosen(source, size, data_url)
    if pixels == own:
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="marigold-size-") as temporary:
        folder = Path(temporary)
        _write(at_size(source, pixels), data_url, folder)
        yield read_source(folder)


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


def _chosen(source: Source, size: str, data_url: Path | None) -> int:
    own = source.description.preprocessing.crop
    check_size(size)
    if size != AUTO:
        return int(size or own)
    if data_url is None:
        raise BuildError(
            f"SIZE={AUTO} measures each size on photos, and there are none: name them with "
            "DATA_URL, or choose a size yourself, such as SIZE=160"
        )
    trials = try_sizes(source, data_url)
    pixels = choose(trials)
    logger.info("%s", _table(trials, pixels))
    return pixels


def _table(trials: list[Trial], chosen: int) -> str:
    rows = [
        (
            f"{trial.size} px",
            f"{trial.figures.accuracy:.2%}",
            f"{trial.figures.agreement:.2%}",
            f"{trial.photos_per_s:.0f}",
            "chosen" if trial.size == chosen else "; ".join(trial.figures.reasons),
        )
        for trial in trials
    ]
    own = f"agreement with {trials[0].size} px"
    return "sizes, in float32:\n" + table(
        ("size", "accuracy", own, "photos/s, network alone", ""), rows
    )


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
