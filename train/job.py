"""The training job from end to end: check, train, keep the best epoch, write what was made.

It decides the order of things; each of them is the matter of a module of its own.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from classifier.description import Preprocessing
from train.check import check_data_set
from train.checkpoint import (
    CHECKPOINT_FILE,
    EpochRecord,
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from train.engine import Learner, build_learner, train_epoch, training_loader
from train.predict import predict
from train.transforms import crop_of_epoch
from train.weights import initial_network

if TYPE_CHECKING:
    from pathlib import Path

    from train.data_set import DataSet, Photo
    from train.recipe import Recipe

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """Where a training reads and writes, and how it trains."""

    data_root: Path
    train_root: Path
    eval_root: Path
    recipe: Recipe
    resume: bool = False


def run(job: Job) -> None:
    """Train a model and write it with its report.

    Raises:
        train.errors.TrainError: Whatever keeps the training from being done.
    """
    data_set, data_fingerprint = check_data_set(job.data_root)
    progress = _train(job, data_set, data_fingerprint)
    logger.info("best epoch: %d", progress.best_epoch + 1)


def _train(job: Job, data_set: DataSet, data_fingerprint: str) -> Progress:
    """Train the epochs that are left; return the finished progress."""
    recipe, preprocessing = job.recipe, Preprocessing()
    torch.manual_seed(recipe.seed)  # the fresh head's, or all fresh weights'
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = initial_network(recipe, data_set.class_names, job.data_root)
    steps = recipe.epochs * len(training_loader(data_set, recipe, 0, preprocessing))
    learner = build_learner(network, recipe, steps, device)
    progress = _resume_or_start(job, learner, data_fingerprint)
    for epoch in range(len(progress.history), recipe.epochs):
        started = time.monotonic()
        loader = training_loader(data_set, recipe, epoch, preprocessing)
        loss, train_accuracy = train_epoch(learner, loader, recipe, epoch)
        val_accuracy = _accuracy(learner, data_set.val, recipe, preprocessing)
        record = EpochRecord(
            epoch=epoch,
            crop=crop_of_epoch(recipe, epoch),
            train_loss=loss,
            train_accuracy=train_accuracy,
            val_accuracy=val_accuracy,
            seconds=time.monotonic() - started,
        )
        _keep(progress, record, learner)
        save_checkpoint(
            job.train_root / CHECKPOINT_FILE,
            recipe,
            data_fingerprint,
            progress,
            learner.state_dict(),
        )
        _log(record, recipe)
    return progress


def _resume_or_start(job: Job, learner: Learner, data_fingerprint: str) -> Progress:
    path = job.train_root / CHECKPOINT_FILE
    if not path.exists():
        return Progress()
    if not job.resume:
        logger.warning("starting anew; --resume would go on from %s", path)
        return Progress()
    progress, learner_state = load_checkpoint(path, job.recipe, data_fingerprint)
    learner.load_state_dict(learner_state)
    logger.info("resumed after epoch %d/%d", len(progress.history), job.recipe.epochs)
    return progress


def _accuracy(
    learner: Learner, photos: tuple[Photo, ...], recipe: Recipe, preprocessing: Preprocessing
) -> float:
    """Estimate the accuracy in the training's own precision; the report measures it in fp32."""
    probabilities = predict(
        learner.evaluated,
        photos,
        preprocessing,
        precision=recipe.precision,
        workers=recipe.workers,
    )
    labels = [photo.label for photo in photos]
    return float((probabilities.argmax(axis=1) == labels).mean())


def _keep(progress: Progress, record: EpochRecord, learner: Learner) -> None:
    """Add an epoch's record, and its weights if they are the best so far."""
    best = max((past.val_accuracy for past in progress.history), default=-1.0)
    progress.history.append(record)
    if record.val_accuracy > best:
        progress.best_epoch = record.epoch
        progress.best_state = {
            key: value.detach().cpu().clone()
            for key, value in learner.evaluated.state_dict().items()
        }


def _log(record: EpochRecord, recipe: Recipe) -> None:
    logger.info(
        "epoch %d/%d: crop %d, loss %.3f, train accuracy %.1f %%, val accuracy %.1f %%, %.0f s",
        record.epoch + 1,
        recipe.epochs,
        record.crop,
        record.train_loss,
        100 * record.train_accuracy,
        100 * record.val_accuracy,
        record.seconds,
    )
