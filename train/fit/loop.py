"""The epochs of a training: train, evaluate, keep the best, save, log; resume after a stop.

`train.fit.engine` runs an epoch, `train.job` uses the result.
With several processes, each trains and evaluates its share; the first one saves and logs.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING

import torch

from train import world
from train.errors import CheckpointError
from train.evaluation.predict import choose_device, predict
from train.fit.checkpoint import EpochRecord, Progress
from train.fit.distillation import build_distillation
from train.fit.engine import build_learner, train_epoch
from train.fit.events import figures_of, open_events, write_epoch
from train.fit.lesson import LabelLesson
from train.fit.loading import TrainingLoader, loader_workers
from train.fit.teacher import ready_teacher
from train.fit.tracking import tracked
from train.fit.transforms import crop_of_epoch
from train.provenance import git_revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from train.data.data_set import DataSet
    from train.fit.checkpoint import Checkpoint
    from train.fit.engine import Learner
    from train.fit.lesson import Lesson
    from train.fit.monitor import Sample
    from train.recipe import Recipe

logger = logging.getLogger(__name__)


def train_network(  # noqa: PLR0913 - what, on what, how, and three for what is kept of it
    network: nn.Module,
    data_set: DataSet,
    recipe: Recipe,
    *,
    checkpoint: Checkpoint,
    resume: bool,
    samples: Sequence[Sample] = (),
) -> Progress:
    """Train the remaining epochs, saving after each; return the finished progress.

    Args:
        network: The network with its initial weights.
        data_set: Photos to train on, and to choose the best epoch by.
        recipe: The training's settings.
        checkpoint: Where the state is saved; TensorBoard's events go beside it.
        resume: Continue from the checkpoint, if there is one.
        samples: The resources used, to which the monitor keeps adding.

    Raises:
        CheckpointError: `resume` is set and the checkpoint is damaged or from another training.
        DivergenceError: The loss is no longer finite.
    """
    progress = Progress(git_revision())  # before the checkout can change
    device = choose_device()
    loader = TrainingLoader(data_set, recipe, recipe.preprocessing)
    lesson = _lesson(network, data_set, recipe, checkpoint, device)
    learner = build_learner(lesson, recipe, recipe.epochs * len(loader), device)
    if world.from_first(checkpoint.path.exists):
        if resume:
            progress = _resume(learner, checkpoint, progress.git_revision)
        else:
            logger.warning("starting over; --resume would continue from %s", checkpoint.path)
    first_epoch = len(progress.history)
    with contextlib.ExitStack() as until_done:
        if world.is_first():
            folder = checkpoint.path.parent
            events = until_done.enter_context(open_events(folder, first_epoch))
            track = until_done.enter_context(tracked(folder, recipe, first_epoch))
        for epoch in range(first_epoch, recipe.epochs):
            if stops_early(progress, recipe):
                logger.info(
                    "stopped: no better val accuracy for %d epochs (patience)", recipe.patience
                )
                break
            samples_before = len(samples)
            started = time.monotonic()
            figures = train_epoch(learner, loader, recipe, epoch)
            trained = time.monotonic()
            accuracy = _accuracy(learner, data_set, recipe)
            evaluated = time.monotonic()
            record = EpochRecord(
                epoch=epoch,
                crop=crop_of_epoch(recipe, epoch),
                train_loss=figures.loss,
                train_accuracy=figures.accuracy,
                learning_rate=learner.optimizer.param_groups[0]["lr"],
                images_per_s=figures.images / (trained - started),
                val_accuracy=accuracy,
                seconds=evaluated - started,
            )
            _keep(progress, record, learner)
            if world.is_first():
                checkpoint.save(progress, learner.state_dict())
                epoch_figures = figures_of(record, samples[samples_before:])
                write_epoch(events, epoch_figures, epoch + 1)
                track(epoch_figures, epoch + 1)
                _log(record, recipe, _last_evaluation_s(data_set, recipe, evaluated - trained))
    return progress


def stops_early(progress: Progress, recipe: Recipe) -> bool:
    """Tell whether the last epochs brought nothing, so many of them as the recipe has patience."""
    waited = len(progress.history) - 1 - progress.best_epoch
    return bool(recipe.patience and progress.history and waited >= recipe.patience)


def _lesson(
    network: nn.Module,
    data_set: DataSet,
    recipe: Recipe,
    checkpoint: Checkpoint,
    device: torch.device,
) -> Lesson:
    """Return the lesson of the recipe; a teacher may be fine-tuned first."""
    if recipe.teacher == "none":
        return LabelLesson(network, recipe)
    teacher = ready_teacher(
        data_set,
        recipe,
        recipe.preprocessing,
        folder=checkpoint.path.parent,
        data_fingerprint=checkpoint.data_fingerprint,
        device=device,
    )
    return build_distillation(teacher, network, recipe)


def _resume(learner: Learner, checkpoint: Checkpoint, git_revision: str) -> Progress:
    """Restore the learner from the checkpoint; return the progress."""
    progress, learner_state = world.from_first(checkpoint.load)
    try:
        learner.load_state_dict(learner_state)
    except Exception as error:  # the parts raise KeyError, RuntimeError, ValueError
        raise CheckpointError(
            f"{checkpoint.path}: its state does not fit this training "
            f"({str(error).splitlines()[0]}); train without --resume"
        ) from error
    logger.info("resumed after epoch %d/%d", len(progress.history), checkpoint.recipe.epochs)
    if progress.git_revision != git_revision:
        logger.warning(
            "the code is at revision %s; %s started this training, and will be recorded",
            *(git_revision or "unknown", progress.git_revision or "an unknown one"),
        )
    return progress


def _accuracy(learner: Learner, data_set: DataSet, recipe: Recipe) -> float:
    """Estimate the accuracy in the training's own precision; the report measures it in fp32."""
    share = range(world.rank(), len(data_set.val), world.size())
    right = 0
    if share:  # there may be more processes than photos
        probabilities = predict(
            learner.evaluated,
            [data_set.val[index] for index in share],
            recipe.preprocessing,
            precision=recipe.precision,
            # If nothing is to be decoded, worker processes only cost the seconds of their fork.
            workers=0 if data_set.decoded_val else loader_workers(recipe),
            decoded=data_set.decoded_val.part(share) if data_set.decoded_val else None,
        )
        labels = [data_set.val[index].label for index in share]
        right = int((probabilities.argmax(axis=1) == labels).sum())
    return int(world.total(torch.tensor(right, device=learner.device))) / len(data_set.val)


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


def _last_evaluation_s(data_set: DataSet, recipe: Recipe, val_s: float) -> float:
    """Estimate the evaluation after the last epoch from one of the val photos, both in seconds."""
    shares = len(data_set.train) + len(data_set.test)
    shares += len(data_set.val) * (2 if recipe.calibrate else 1)
    return val_s * world.size() * shares / len(data_set.val)


def _log(record: EpochRecord, recipe: Recipe, last_evaluation_s: float) -> None:
    logger.info(
        "epoch %d/%d: crop %d, loss %.3f, train accuracy %.1f %%, val accuracy %.1f %%, %.0f s, "
        "about %.0f min left, %.0f of them for the evaluation of all photos",
        record.epoch + 1,
        recipe.epochs,
        record.crop,
        record.train_loss,
        100 * record.train_accuracy,
        100 * record.val_accuracy,
        record.seconds,
        (_seconds_left(record, recipe) + last_evaluation_s) / 60,
        last_evaluation_s / 60,
    )


def _seconds_left(record: EpochRecord, recipe: Recipe) -> float:
    """Estimate the remaining time from the last epoch; it grows with the area of the crops."""
    areas = [crop_of_epoch(recipe, epoch) ** 2 for epoch in range(record.epoch + 1, recipe.epochs)]
    return record.seconds * sum(areas) / record.crop**2
