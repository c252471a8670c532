"""`python -m bench.training.ablation`: what each setting of a recipe is worth, one at a time.

The trainings are small, so that all of them take about an hour on two CPU cores: a ResNet18 from
random weights, images a third as large, and half of all photos to train on. The other half is for
measuring: five times as many photos as `val` has. Finished trainings are kept and not repeated.
`bench.training.effects` computes the effects of the settings.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.lab.environments import ROOT
from bench.lab.machine import describe
from bench.training.effects import as_dict, effects, markdown
from classifier.description import Preprocessing
from storage.files import write_text
from train.cli import run_command
from train.data.check import check_data_set
from train.data.data_set import hash_photos, to_data_set
from train.data.photo_cache import with_decoded_photos
from train.data.recognition import list_photos
from train.data.split import split_classes
from train.evaluation.predict import choose_device, predict
from train.fit.distillation import build_distillation
from train.fit.engine import build_learner, train_epoch
from train.fit.lesson import LabelLesson
from train.fit.loading import TrainingLoader
from train.fit.teacher import ready_teacher
from train.fit.weights import initial_network
from train.recipe import read_recipe, recipe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from bench.training.effects import Right
    from train.data.data_set import DataSet
    from train.fit.lesson import Lesson
    from train.recipe import Recipe

# What makes any recipe small; for the images, see `preprocessing_of`.
SMALL = (
    *("name=ablation", "arch=resnet18", "init=scratch", "epochs=10", "lr=1e-3"),
    *("crop_first=32", "crop_last=64", "cached_side=85", "workers=1"),
)
_TEACHER = ("teacher=efficientnet-lite0", "distil_labels=0.9")
# Each replaces the recipe's value; those that equal it are left out.
SWITCHES: tuple[tuple[str, ...], ...] = (
    ("optimizer=adam",),
    ("weight_decay=0.0",),
    ("schedule=constant",),
    ("label_smoothing=0.0",),
    ("mixup=0.2",),
    ("crop_scale_min=0.08",),
    ("flip=false",),
    ("color_jitter=0.0",),
    ("trivial_augment=true",),
    ("random_erasing=0.25",),
    ("crop_first=64",),
    ("ema_decay=0.99",),
    _TEACHER,
    (*_TEACHER, "distil_features=2.0"),
)
_MORE_OF_BASE = 2  # more seeds of the base, the reference for all others and for chance
logger = logging.getLogger(__name__)


def halves(data_root: Path) -> tuple[DataSet, str]:
    """List all photos, half of each class as `train` and half as `val`; and fingerprint them.

    Raises:
        DataError: They are unfit for training.
    """
    whole, fingerprint = check_data_set(data_root)
    listing = list_photos(data_root)
    classes = {name: listing["train"][name] + listing["val"][name] for name in whole.class_names}
    divided = split_classes(classes, hash_photos(listing), shares={"val": 0.5}, seed=0)
    return to_data_set(data_root, divided), fingerprint


def preprocessing_of(recipe: Recipe) -> Preprocessing:
    """Scale the preprocessing down in proportion to the recipe's largest crops."""
    usual, scale = Preprocessing(), recipe.crop_last / 192  # as in `config/train.toml`
    return Preprocessing(resize=round(scale * usual.resize), crop=round(scale * usual.crop))


def learn(data_set: DataSet, fingerprint: str, recipe: Recipe, folder: Path) -> NDArray[np.bool_]:
    """Train; return whether the last epoch's network is right on each photo of `val`, [N]."""
    preprocessing, device = preprocessing_of(recipe), choose_device()
    torch.manual_seed(recipe.seed)
    network = initial_network(recipe, data_set.class_names, data_set.root)
    lesson: Lesson = LabelLesson(network, recipe)
    if recipe.teacher != "none":
        teacher = ready_teacher(
            data_set,
            recipe,
            preprocessing,
            folder=folder,
            data_fingerprint=fingerprint,
            device=device,
        )
        lesson = build_distillation(teacher, network, recipe)
    loader = TrainingLoader(data_set, recipe, preprocessing)
    steps = recipe.epochs * len(loader)
    learner = build_learner(lesson, recipe, steps, device)
    for epoch in range(recipe.epochs):
        train_epoch(learner, loader, recipe, epoch)
    probabilities = predict(
        learner.evaluated, data_set.val, preprocessing, decoded=data_set.decoded_val
    )
    labels = np.array([photo.label for photo in data_set.val])
    right: NDArray[np.bool_] = probabilities.argmax(axis=1) == labels
    return right


def learn_once(
    data_set: DataSet, fingerprint: str, recipe: Recipe, folder: Path
) -> NDArray[np.bool_]:
    """Return the result of `learn`, from the folder if it is stored there."""
    key = hashlib.sha256(f"{recipe_text(recipe)}{fingerprint}".encode()).hexdigest()[:12]
    path = folder / f"right-{key}.json"
    if not path.exists():
        started = time.monotonic()
        right = learn(data_set, fingerprint, recipe, folder)
        write_text(path, json.dumps(right.tolist()))
        logger.info("%.1f %% right, %.0f s", 100 * right.mean(), time.monotonic() - started)
    return np.array(json.loads(path.read_text(encoding="utf-8")), dtype=bool)


def measure(data_set: DataSet, fingerprint: str, recipe: Recipe, folder: Path, seeds: int) -> Right:
    """Train a recipe with its seed and the next ones; return the right answers, [seeds, N]."""
    seeded = (dataclasses.replace(recipe, seed=recipe.seed + turn) for turn in range(seeds))
    return np.stack([learn_once(data_set, fingerprint, each, folder) for each in seeded])


def variants(path: Path, overrides: Iterable[str]) -> list[Recipe]:
    """Return the small form of a recipe, then those with one setting changed."""
    settings = [*SMALL, *overrides]
    base = read_recipe(path, settings)
    changed = (read_recipe(path, [*settings, *switch]) for switch in SWITCHES)
    return [base, *(recipe for recipe in changed if recipe != base)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the missing trainings, print or write the table; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.training.ablation",
        description="What each switch of a recipe is worth.",
    )
    parser.add_argument("--data-url", type=Path, default=Path("data_set"), metavar="FOLDER")
    parser.add_argument("--recipe", type=Path, default=ROOT / "config" / "train.toml")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides"
    )
    parser.add_argument(
        "--seeds", type=int, default=1, help="trainings of each change (default: 1)"
    )
    parser.add_argument(
        "--work", type=Path, default=Path("artifacts/ablation"), help="keeps what is finished"
    )
    parser.add_argument("--output", type=Path, help="Markdown file; a JSON file is put beside it")
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options), after_interrupt="; run the same command to resume")


def _run(options: argparse.Namespace) -> None:
    base, *changed = variants(options.recipe, options.overrides)
    listed, fingerprint = halves(options.data_url)
    # Beside other trainings' decoded photos, not in place of them.
    data_set = with_decoded_photos(
        dataclasses.replace(listed, root=options.work),
        fingerprint,
        base.cached_side,
        preprocessing_of(base),
    )
    right = measure(data_set, fingerprint, base, options.work, options.seeds + _MORE_OF_BASE)
    others = {}
    for number, recipe in enumerate(changed, start=1):
        logger.info("change %d of %d", number, len(changed))
        others[recipe] = measure(data_set, fingerprint, recipe, options.work, options.seeds)
    found = effects(base, right, others)
    text = markdown(found, base, len(data_set.train), describe())
    print(text, end="")
    if options.output:
        write_text(options.output, text)
        content = {"machine": describe(), "data_fingerprint": fingerprint} | as_dict(found, base)
        write_text(options.output.with_suffix(".json"), json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
