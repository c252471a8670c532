"""`python -m bench.training`: our training against the original recipe's straightforward loop.

Speed: photos a second at 224 px, in turns, on the same photos and cores.
Time to accuracy: the original's loop trains some epochs, and our recipe, from the same start, until
it is as good; evaluating and decoding count for both. On two cores that takes about two hours.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.environments import ROOT
from bench.machine import describe
from bench.original_loop import OriginalLoop
from train.check import check_data_set
from train.checkpoint import CHECKPOINT_FILE, Checkpoint
from train.cli import run_command
from train.engine import build_learner, train_epoch, training_loader
from train.loop import PREPROCESSING, train_network
from train.photo_cache import with_decoded_photos
from train.predict import choose_device, predict
from train.recipe import read_recipe
from train.weights import initial_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torchvision.models import ResNet

    from train.data_set import DataSet
    from train.recipe import Recipe

ORIGINAL = "original loop"
_CROP = 224
# What is measured beside the original, from the least change to the most.
_OURS = {
    "ours, fp32": ["precision=fp32"],
    "ours, bf16": ["precision=bf16"],
    "ours, bf16, no loader process": ["precision=bf16", "workers=0"],
    "ours, bf16, photos decoded anew": ["precision=bf16", "cached_side=0"],
}
logger = logging.getLogger(__name__)


def compare_speed(root: Path, recipes: dict[str, Recipe], rounds: int) -> dict[str, list[float]]:
    """Let the original loop and ours learn the photos of `root` in turns.

    Returns:
        Photos a second in each round, by name; a round before the first is not counted.
    """
    data_set, fingerprint = check_data_set(root)
    classes = data_set.class_names
    network = initial_network(next(iter(recipes.values())), classes, root)
    original = OriginalLoop(copy.deepcopy(network), root)
    decoded = with_decoded_photos(data_set, fingerprint, 256, PREPROCESSING)
    runs: dict[str, list[float]] = {name: [] for name in (ORIGINAL, *recipes)}
    for number in range(rounds + 1):
        names = list(runs) if number % 2 == 0 else list(reversed(runs))
        for name in names:
            started = time.monotonic()
            if name == ORIGINAL:
                original.epoch()
            else:
                recipe = recipes[name]
                photos = decoded if recipe.cached_side else data_set
                _our_epoch(copy.deepcopy(network), photos, recipe)
            speed = len(data_set.train) / (time.monotonic() - started)
            logger.info("round %d, %s: %.1f photos/s", number, name, speed)
            if number:  # the first one warms up
                runs[name].append(speed)
    return runs


def _our_epoch(network: ResNet, data_set: DataSet, recipe: Recipe) -> None:
    loader = training_loader(data_set, recipe, 0, PREPROCESSING)
    learner = build_learner(network, recipe, len(loader), choose_device())
    train_epoch(learner, loader, recipe, 0)


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
    loop: OriginalLoop, network: ResNet, data_set: DataSet, epochs: int
) -> list[tuple[float, float]]:
    """Return accuracy and seconds since the start after each epoch."""
    labels = [photo.label for photo in data_set.val]
    points, started = [], time.monotonic()
    for epoch in range(epochs):
        loop.epoch()
        probabilities = predict(network, data_set.val, PREPROCESSING)
        accuracy = float((probabilities.argmax(axis=1) == labels).mean())
        points.append((accuracy, time.monotonic() - started))
        logger.info(
            "%s, epoch %d: %.1f %%, %.0f s", ORIGINAL, epoch + 1, 100 * accuracy, points[-1][1]
        )
    return points


def _run_ours(
    network: ResNet, data_set: DataSet, fingerprint: str, recipe: Recipe
) -> list[tuple[float, float]]:
    started = time.monotonic()
    if recipe.cached_side:
        data_set = with_decoded_photos(data_set, fingerprint, recipe.cached_side, PREPROCESSING)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / CHECKPOINT_FILE, recipe, fingerprint)
        progress = train_network(network, data_set, recipe, checkpoint=checkpoint, resume=False)
    # Whatever came before the first epoch, such as a teacher, counts too.
    seconds = time.monotonic() - started - sum(record.seconds for record in progress.history)
    points = []
    for record in progress.history:
        seconds += record.seconds
        points.append((record.val_accuracy, seconds))
    return points


def link_some(data_root: Path, images: int, folder: Path) -> Path:
    """Make a data set of about `images` training photos, evenly taken from all classes."""
    data_set, _ = check_data_set(data_root)
    step = max(1, len(data_set.train) // images)
    for photo in (*data_set.train[::step], *data_set.val):
        link = folder / photo.path.relative_to(data_root)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(photo.path.resolve())
    return folder


def table(runs: dict[str, list[float]]) -> str:
    """Format the speeds as Markdown: medians, ranges, and how many times the original's."""
    base = statistics.median(runs[ORIGINAL])
    lines = ["| loop | photos/s | range | times the original |", "| --- | ---: | ---: | ---: |"]
    for name, speeds in runs.items():
        median = statistics.median(speeds)
        spread = f"{min(speeds):.1f} to {max(speeds):.1f}"
        lines.append(f"| {name} | {median:.1f} | {spread} | {median / base:.2f} |")
    return "\n".join(lines)


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
    parser.add_argument("--rounds", type=int, default=5, help="of the speed (default: 5)")
    parser.add_argument("--images", type=int, default=320, help="a round (default: 320)")
    parser.add_argument(
        "--epochs", type=int, default=10, help="of the original; 0: speed only (default: 10)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="all figures as JSON")
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    crop = [f"crop_first={_CROP}", f"crop_last={_CROP}"]
    recipes = {
        name: read_recipe(options.recipe, [*options.overrides, *crop, *changes])
        for name, changes in _OURS.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        root = link_some(options.data_url, options.images, Path(folder).resolve())
        speed = compare_speed(root, recipes, options.rounds)
    results: dict[str, Any] = {"machine": describe(), "photos_per_s": speed}
    print(table(speed))
    if options.epochs:
        recipe = read_recipe(options.recipe, options.overrides)
        results["recipe"] = dataclasses.asdict(recipe)
        results["time"] = times = compare_time(options.data_url, recipe, options.epochs)
        ours = "never" if times["ours_s"] is None else f"after {times['ours_s']:.0f} s"
        print(
            f"The original loop has its best accuracy, {100 * times['target']:.1f} %, after "
            f"{times['original_s']:.0f} s; ours is as good {ours}."
        )
    if options.output:
        options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
