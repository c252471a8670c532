"""What all servers serve: the archive, its contents, its original weights, and photos."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.lab.commands import output_of
from bench.lab.errors import Unusable
from bench.lab.peers import models
from classifier.cores import usable_cores
from classifier.description import DESCRIPTION_FILE, ModelDescription, read_description
from classifier.labels import LABELS_FILE, read_labels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CORES = usable_cores()
_LARGEST = 10 * 2**20  # bytes; the archive's own limit


@dataclass(frozen=True)
class Subject:
    """What every server serves, and the photos to send.

    Attributes:
        mar: The verified archive.
        weights: The model folder it was built from, with float32 weights.
        unpacked: The archive's contents.
        work: Folder for everything that a benchmark writes besides its results.
        photos: The image files to send.
        expected: The class that the archive's model gives to each photo, computed in process.
    """

    mar: Path
    weights: Path
    unpacked: Path
    work: Path
    photos: tuple[Path, ...]
    expected: tuple[str, ...]

    @property
    def description(self) -> ModelDescription:
        """The model's `model.json`."""
        return read_description(self.weights / DESCRIPTION_FILE)

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the output neurons."""
        return read_labels(self.weights / LABELS_FILE)

    def environment(self, *, model: str, workers: int) -> dict[str, str]:
        """Return the variables for `bench.lab.peers.models`; workers share the cores evenly."""
        return {
            models.MODEL: model,
            models.ARCHIVE: str(self.unpacked),
            models.WEIGHTS: str(self.weights),
            models.WORKERS: str(workers),
            models.THREADS: str(max(1, CORES // workers)),
            # The classifier in the archive, not the one in this checkout.
            "PYTHONPATH": str(self.unpacked),
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def find_photos(folder: Path) -> tuple[Path, ...]:
    """List the JPEG files of a folder and its subfolders, the classes mixed.

    Raises:
        Unusable: There are none.
    """
    by_class: dict[Path, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".jpg", ".jpeg"} and path.stat().st_size <= _LARGEST:
            by_class.setdefault(path.parent, []).append(path)
    if not by_class:
        raise Unusable(f"{folder}: no JPEG files; name a folder of photos with PHOTOS=...")
    longest = max(len(paths) for paths in by_class.values())
    return tuple(
        paths[index]
        for index in range(longest)
        for paths in by_class.values()
        if index < len(paths)
    )


def prepare(mar: Path, weights: Path, photos: Sequence[Path], work: Path) -> Subject:
    """Unpack the archive and classify the photos with it, in process.

    Raises:
        Unusable: The archive or the weights are missing.
        BenchError: The archive's model cannot classify the photos.
    """
    for path in (mar, weights / DESCRIPTION_FILE):
        if not path.exists():
            raise Unusable(f"{path}: missing; run `make archive` first")
    unpacked = work / "archive"
    shutil.rmtree(unpacked, ignore_errors=True)
    with zipfile.ZipFile(mar) as archive:
        archive.extractall(unpacked)  # our own archive, verified when it was built
    subject = Subject(
        mar.resolve(), weights.resolve(), unpacked.resolve(), work.resolve(), tuple(photos), ()
    )
    answers = ask_in_process(subject, photos)
    expected = tuple(max(answer, key=lambda name: answer[name]) for answer in answers)
    return Subject(**vars(subject) | {"expected": expected})


def ask_in_process(
    subject: Subject, photos: Sequence[Path], model: str = "marigold"
) -> list[models.Answer]:
    """Classify photos with one of the two models in a separate process, without a server.

    Raises:
        BenchError: It failed.
    """
    printed = run_module(subject, "bench.speed.answers", photos=photos, model=model)
    answers: list[models.Answer] = json.loads(printed)
    return answers


def run_module(
    subject: Subject,
    module: str,
    *arguments: str,
    photos: Sequence[Path] = (),
    model: str = "marigold",
) -> str:
    """Run one of our modules in a separate process, without a server; return its output.

    Args:
        subject: The archive and the photos.
        module: The module; reads a JSON list of photos.
        arguments: The module's arguments.
        photos: Photos; the subject's by default.
        model: One of the two models.

    Raises:
        BenchError: It failed.
    """
    return output_of(
        [sys.executable, "-m", module, *arguments],
        f"{module} failed",
        given=json.dumps([str(photo.resolve()) for photo in photos or subject.photos]),
        environment=os.environ | subject.environment(model=model, workers=1),
        timeout_s=600,
    )
