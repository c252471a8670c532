"""`python -m bench.training`: our training against the original recipe's straightforward loop.

Speed: photos per second, in turns, on the same photos and cores.
Time to accuracy: the original's loop trains some epochs, and our recipe all of its own, from the
same start; when is ours as good? Evaluation and decoding count for both.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.lab.environments import ROOT
from bench.lab.machine import describe
from bench.training.original_loop import OriginalLoop
from classifier.description import Preprocessing
from console import tables
from console.arguments import count
from storage.files import write_text
from train import markdown
from train.cli import run_command
from train.data.check import check_data_set
from train.data.photo_cache import with_decoded_photos
from train.evaluation.predict import choose_device, predict
from train.fit.checkpoint import CHECKPOINT_FILE, Checkpoint
from train.fit.engine import build_learner, train_epoch
from train.fit.lesson import LabelLesson
from train.fit.loading import TrainingLoader
from train.fit.loop import train_network
from train.fit.weights import initial_network
from train.recipe import read_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from train.data.data_set import DataSet
    from train.recipe import Recipe

ORIGINAL = "the original loop"
COMPILED = "ours, torch.compile"
_CROP = 224
logger = logging.getLogger(__name__)


def loops(path: Path, overrides: Sequence[str], *, compiled: bool) -> dict[str, Recipe]:
    """Return the loops to compare with the original, by name: the recipe, and single changes to it.

    All use the original's 224 px crops except the last one, which uses the mean of the recipe's.
    """
    recipe = read_recipe(path, overrides)
    mean = (recipe.crop_first + recipe.crop_last) // 2
    changes = {
        f"ours, {recipe.precision}": [],
        "ours, no loader process": ["workers=0"],
        "ours, photos decoded anew": ["cached_side=0"],
    }
    if compiled:
        changes[COMPILED] = []
    changes[f"ours, {mean} px, the recipe's mean"] = [f"crop_first={mean}", f"crop_last={mean}"]
    crops = [f"crop_first={_CROP}", f"crop_last={_CROP}"]
    return {
        name: read_recipe(path, [*overrides, *crops, *change]) for name, change in changes.items()
    }


def compare_speed(root: Path, recipes: dict[str, Recipe], rounds: int) -> dict[str, list[float]]:
    """Train the original loop and ours on the photos of `root` in turns.

    Returns:
        Photos per second in each round, by name; a warm-up round is not counted.
    """
    data_set, fingerprint = check_data_set(root)
    network = initial_network(next(iter(recipes.values())), data_set.class_names, root)
    decoded = with_decoded_photos(data_set, fingerprint, 256, Preprocessing())
    learning: dict[str, OriginalLoop | _OurLoop] = {
        ORIGINAL: OriginalLoop(copy.deepcopy(network), root)
    }
    for name, recipe in recipes.items():
        photos = decoded if recipe.cached_side else data_set
        learning[name] = ours = _OurLoop(copy.deepcopy(network), photos, recipe, rounds + 1)
        if name == COMPILED:
            ours.compile()  # compiles in the round that is not counted
    runs: dict[str, list[float]] = {name: [] for name in learning}
    for number in range(rounds + 1):
        names = list(runs) if number % 2 == 0 else list(reversed(runs))
        for name in names:
            started = time.monotonic()
            learning[name].epoch()
            speed = len(data_set.train) / (time.monotonic() - started)
            logger.info("round %d, %s: %.1f photos/s", number, name, speed)
            if number:  # the first one warms up
                runs[name].append(speed)
    return runs


class _OurLoop:
    """Trains a network in place with our recipe; same interface as the original's loop."""

    def __init__(self, network: nn.Module, data_set: DataSet, recipe: Recipe, epochs: int) -> None:
        self._recipe = recipe
        self._loader = TrainingLoader(data_set, recipe, recipe.preprocessing)
        steps = epochs * len(self._loader)
        lesson = LabelLesson(network, recipe)
        self._learner = build_learner(lesson, recipe, steps, choose_device())

    def compile(self) -> None:
        """Apply torch.compile, which takes effect when the first epoch begins."""
        self._learner.step.compile()

    def epoch(self) -> None:
        """Train on each photo once."""
        train_epoch(self._learner, self._loader, self._recipe, 0)


def compare_time(root: Path, recipe: Recipe, epochs: int) -> dict[str, Any]:
    """Train the original loop for `epochs`, then our recipe; when is ours as good?

    Returns:
        Accuracies and seconds of both after each epoch, and `ours_s`, None if ours is never as
        good as the original's best epoch.
    """
    data_set, fingerprint = check_data_set(root)
    network = initial_network(recipe, data_set.class_names, root)
    original = _run_original(
        OriginalLoop(start := copy.deepcopy(network), root), start, data_set, epochs
    )
    target, original_s = max(original, key=lambda point: point[0])
    ours = _run_ours(network, data_set, fingerprint, recipe)
    return {
        "original": original,
        "ours": ours,
        "target": target,
        "original_s": original_s,
        "ours_s": next((seconds for accuracy, seconds in ours if accuracy >= target), None),
    }


def _run_original(
    loop: OriginalLoop, network: nn.Module, data_set: DataSet, epochs: int
) -> list[tuple[float, float]]:
    """Return accuracy and seconds since the start after each epoch."""
    labels = [photo.label for photo in data_set.val]
    points, started = [], time.monotonic()
    for epoch in range(epochs):
        loop.epoch()
        probabilities = predict(network, data_set.val, Preprocessing())
        accuracy = float((probabilities.argmax(axis=1) == labels).mean())
        points.append((accuracy, time.monotonic() - started))
        logger.info(
            "%s, epoch %d: %.1f %%, %.0f s", ORIGINAL, epoch + 1, 100 * accuracy, points[-1][1]
        )
    return points


def _run_ours(
    network: nn.Module, data_set: DataSet, fingerprint: str, recipe: Recipe
) -> list[tuple[float, float]]:
    started = time.monotonic()
    if recipe.cached_side:
        data_set = with_decoded_photos(
            data_set, fingerprint, recipe.cached_side, recipe.preprocessing
        )
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / CHECKPOINT_FILE, recipe, fingerprint)
        progress = train_network(network, data_set, recipe, checkpoint=checkpoint, resume=False)
    # Everything before the first epoch, such as a teacher, counts too.
    seconds = time.monotonic() - started - sum(record.seconds for record in progress.history)
    points = []
    for record in progress.history:
        seconds += record.seconds
        points.append((record.val_accuracy, seconds))
    return points


def link_some(data_root: Path, photos: int | None, folder: Path) -> Path:
    """Make a data set of about `number` training photos, or all, evenly from all classes."""
    data_set, _ = check_data_set(data_root)
    step = max(1, len(data_set.train) // photos) if photos else 1
    for photo in (*data_set.train[::step], *data_set.val):
        link = folder / photo.path.relative_to(data_root)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(photo.path.resolve())
    return folder


def table(runs: dict[str, list[float]]) -> str:
    """Format the speeds as Markdown: medians, ranges, and ratios to the original's."""
    base = statistics.median(runs[ORIGINAL])
    rows = [
        (
            name,
            f"{statistics.median(speeds):.1f}",
            f"{min(speeds):.1f} to {max(speeds):.1f}",
            f"{statistics.median(speeds) / base:.2f}",
        )
        for name, speeds in runs.items()
    ]
    return tables.table(("loop", "photos/s", "range", "times the original"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.training",
        description="Compare our training with the original recipe's straightforward loop.",
    )
    parser.add_argument("--data-url", type=Path, default=Path("data_set"), metavar="FOLDER")
    parser.add_argument("--recipe", type=Path, default=ROOT / "config" / "train.toml")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides"
    )
    parser.add_argument("--rounds", type=count, default=5, help="of the speed (default: 5)")
    parser.add_argument("--images", type=count, default=320, help="a round (default: 320)")
    parser.add_argument(
        "--compile", action="store_true", help="torch.compile too; needs a C++ compiler"
    )
    parser.add_argument(
        "--epochs", type=int, default=10, help="of the original; 0: speed only (default: 10)"
    )
    parser.add_argument("--photos", type=count, metavar="N", help="an epoch, about (default: all)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="all figures as JSON")
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    results: dict[str, Any] = {"machine": describe()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        # Decoding counts, so no photo may have been decoded before.
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        root = link_some(options.data_url, options.images, folder / "speed")
        recipes = loops(options.recipe, options.overrides, compiled=options.compile)
        results["photos_per_s"] = speed = compare_speed(root, recipes, options.rounds)
        print(table(speed))
        if options.epochs:
            root = link_some(options.data_url, options.photos, folder / "time")
            recipe = read_recipe(options.recipe, options.overrides)
            results["recipe"] = dataclasses.asdict(recipe)
            results["time"] = times = compare_time(root, recipe, options.epochs)
            print(verdict(times))
    if options.output:
        write_text(options.output, json.dumps(results, indent=1) + "\n")


def verdict(times: Mapping[str, Any]) -> str:
    """Summarise the result of `compare_time` in a sentence."""
    seconds = times["ours_s"]
    ours = "ours is never as good" if seconds is None else f"ours is as good after {seconds:.0f} s"
    return (
        f"The original loop has its best accuracy, {markdown.percent(times['target'])}, "
        f"after {times['original_s']:.0f} s; {ours}."
    )


if __name__ == "__main__":
    sys.exit(main())
