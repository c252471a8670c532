"""The epochs of a training: train, evaluate, keep the best, save, tell; and going on after a stop.

What an epoch does is the matter of `train.engine`; what becomes of the result, of `train.job`.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from classifier.description import Preprocessing
from train.checkpoint import EpochRecord, Progress
from train.distillation import build_distillation
from train.engine import build_learner, loader_workers, train_epoch, training_loader
from train.predict import choose_device, predict
from train.teacher import fine_tuned_teacher
from train.transforms import crop_of_epoch

if TYPE_CHECKING:
    from torchvision.models import ResNet

    from train.checkpoint import Checkpoint
    from train.data_set import DataSet, Photo
    from train.distillation import Distillation
    from train.engine import Learner
    from train.recipe import Recipe

PREPROCESSING = Preprocessing()
logger = logging.getLogger(__name__)


def train_network(
    network: ResNet,
    data_set: DataSet,
    recipe: Recipe,
    *,
    checkpoint: Checkpoint,
    resume: bool,
) -> Progress:
    """Train the epochs that are left, saving each; return the finished progress.

    Raises:
        CheckpointError: `resume` is set and the checkpoint is damaged or of another training.
    """
    steps = recipe.epochs * len(training_loader(data_set, recipe, 0, PREPROCESSING))
    distillation = _distillation(network, data_set, recipe, checkpoint)
    learner = build_learner(network, recipe, steps, choose_device(), distillation)
    progress = Progress()
    if resume and checkpoint.path.exists():
        progress, learner_state = checkpoint.load()
        learner.load_state_dict(learner_state)
        logger.info("resumed after epoch %d/%d", len(progress.history), recipe.epochs)
    elif checkpoint.path.exists():
        logger.warning("starting anew; --resume would go on from %s", checkpoint.path)
    for epoch in range(len(progress.history), recipe.epochs):
        record = _run_epoch(learner, data_set, recipe, epoch)
        _keep(progress, record, learner)
        checkpoint.save(progress, learner.state_dict())
        _log(record, recipe)
    return progress


def _distillation(
    network: ResNet, data_set: DataSet, recipe: Recipe, checkpoint: Checkpoint
) -> Distillation | None:
    if recipe.teacher == "none":
        return None
    device = choose_device()
    teacher = fine_tuned_teacher(
        data_set,
        recipe,
        PREPROCESSING,
        folder=checkpoint.path.parent,
        data_fingerprint=checkpoint.data_fingerprint,
        device=device,
    )
    return build_distillation(teacher, network, recipe, device)


def _run_epoch(learner: Learner, data_set: DataSet, recipe: Recipe, epoch: int) -> EpochRecord:
    started = time.monotonic()
    loader = training_loader(data_set, recipe, epoch, PREPROCESSING)
    loss, train_accuracy = train_epoch(learner, loader, recipe, epoch)
    return EpochRecord(
        epoch=epoch,
        crop=crop_of_epoch(recipe, epoch),
        train_loss=loss,
        train_accuracy=train_accuracy,
        val_accuracy=_accuracy(learner, data_set.val, recipe),
        seconds=time.monotonic() - started,
    )


def _accuracy(learner: Learner, photos: tuple[Photo, ...], recipe: Recipe) -> float:
    """Estimate the accuracy in the training's own precision; the report measures it in fp32."""
    probabilities = predict(
        learner.evaluated,
        photos,
        PREPROCESSING,
        precision=recipe.precision,
        workers=loader_workers(recipe),
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
