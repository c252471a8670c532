"""`python -m train.folds`: k-fold cross-validation, for sets too small to spare validation photos.

Every photo of `train` and `val` is classified by a network that was trained without it, which gives
an accuracy on all photos, and suspect labels that no network has learned. The networks are
discarded: `make train` makes the model.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import logging
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from storage.files import write_text
from train.__main__ import CONFIG
from train.cli import add_urls, run_command
from train.data.check import check_data_set
from train.data.reading import read_all
from train.data.similar import near_duplicates
from train.errors import DataError
from train.evaluation.metrics import measure
from train.evaluation.predict import choose_device, predict
from train.evaluation.suspects import SUSPECTS_FILE, find_suspects, write_suspects
from train.fit.checkpoint import CHECKPOINT_FILE, Checkpoint
from train.fit.loop import train_network
from train.fit.weights import initial_network
from train.markdown import accuracy_sentence, confusion_table, per_class_table
from train.recipe import read_recipe
from train.urls import local_path, output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from train.data.data_set import DataSet, Photo
    from train.recipe import Recipe

FOLDER, PAGE = "analysis-folds", "evaluation.md"
_FEWEST, _MOST = 2, 20
logger = logging.getLogger(__name__)


def divide(
    photos: Sequence[Photo], groups: Sequence[Sequence[Path]], folds: int, seed: int
) -> list[int]:
    """Return the fold of each photo: classes evenly spread, near-duplicates in one fold.

    Raises:
        DataError: A class has fewer photos that show different things than there are folds.
    """
    first_of = {path: min(group) for group in groups for path in group}
    label_of = {photo.path: photo.label for photo in photos}
    units: dict[Path, list[Path]] = defaultdict(list)
    for photo in photos:
        units[first_of.get(photo.path, photo.path)].append(photo.path)
    by_class: dict[int, list[list[Path]]] = defaultdict(list)
    for unit in units.values():
        by_class[label_of[unit[0]]].append(unit)

    def place(unit: list[Path]) -> tuple[int, str]:
        return -len(unit), hashlib.sha256(f"{seed} {unit[0].name}".encode()).hexdigest()

    fold_of: dict[Path, int] = {}
    for label, members in by_class.items():
        if len(members) < folds:
            raise DataError(
                f"a class (number {label}) has {len(members)} photos that show different things: "
                f"at most {len(members)} folds are possible"
            )
        sizes = [0] * folds
        for unit in sorted(members, key=place):  # large ones first, each into the emptiest fold
            fold = sizes.index(min(sizes))
            sizes[fold] += len(unit)
            fold_of.update(dict.fromkeys(unit, fold))
    return [fold_of[photo.path] for photo in photos]


def cross_validate(
    data_set: DataSet, recipe: Recipe, fingerprint: str, folds: int
) -> tuple[tuple[Photo, ...], NDArray[np.float32]]:
    """Return all photos, and the probabilities [N, C] of networks that did not learn them."""
    photos = (*data_set.train, *data_set.val)
    looks = read_all([photo.path for photo in photos]).looks
    fold_of = np.array(divide(photos, near_duplicates(looks), folds, recipe.seed))
    probabilities = np.zeros((len(photos), len(data_set.class_names)), dtype=np.float32)
    for fold in range(folds):
        logger.info("fold %d/%d", fold + 1, folds)
        learned = tuple(photos[index] for index in np.flatnonzero(fold_of != fold))
        left_out = np.flatnonzero(fold_of == fold)
        # The last epoch's weights count (never their average): choosing an epoch by the photos that
        # are left out would make their accuracy too high.
        part = dataclasses.replace(
            data_set, train=learned, val=learned[:1], decoded_train=None, decoded_val=None
        )
        torch.manual_seed(recipe.seed)
        network = initial_network(recipe, data_set.class_names, data_set.root)
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Checkpoint(Path(folder) / CHECKPOINT_FILE, recipe, fingerprint)
            train_network(network, part, recipe, checkpoint=checkpoint, resume=False)
        probabilities[left_out] = predict(
            network.to(choose_device()), [photos[i] for i in left_out], recipe.preprocessing
        )
    return photos, probabilities


def write_folds(
    folder: Path,
    data_set: DataSet,
    photos: Sequence[Photo],
    probabilities: NDArray[np.float32],
    folds: int,
) -> None:
    """Write the figures and the suspect labels."""
    labels = [photo.label for photo in photos]
    metrics = measure(probabilities, labels, data_set.class_names)
    names = [photo.path.relative_to(data_set.root).as_posix() for photo in photos]
    suspects = find_suspects(probabilities, np.array(labels))
    write_suspects(folder, suspects, names, data_set.class_names)
    logger.info("%d folds: %s", folds, accuracy_sentence(metrics))
    logger.info("%d suspect labels, in %s", len(suspects), folder / SUSPECTS_FILE)
    write_text(
        folder / PAGE,
        f"# Cross-validation in {folds} folds\n\n{accuracy_sentence(metrics)}\n"
        "Each photo was classified by a network that was trained without it.\n"
        f"Suspect labels: {len(suspects)}, in `{SUSPECTS_FILE}`.\n\n"
        f"{per_class_table(metrics)}\nConfusion matrix (rows: actual, columns: predicted):\n\n"
        f"{confusion_table(metrics)}",
    )


def main(arguments: list[str] | None = None) -> int:
    """Cross-validate; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train.folds", description="Cross-validate a recipe.", allow_abbrev=False
    )
    add_urls(parser, "data_url", "eval_url")
    parser.add_argument("--folds", type=int, default=5, help="how many (default: 5)")
    parser.add_argument("--recipe", type=Path, default=CONFIG / "train.toml", help="TOML file")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides"
    )
    options = parser.parse_args(arguments)
    if not _FEWEST <= options.folds <= _MOST:
        parser.error(f"--folds must be in {_FEWEST}..{_MOST}, found {options.folds}")
    return run_command(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    recipe = dataclasses.replace(read_recipe(options.recipe, options.overrides), patience=0)
    with output(options.eval_url) as out:
        data_set, fingerprint = check_data_set(local_path(options.data_url))
        photos, probabilities = cross_validate(data_set, recipe, fingerprint, options.folds)
        write_folds(out.folder / FOLDER, data_set, photos, probabilities, options.folds)


if __name__ == "__main__":
    sys.exit(main())
