"""Writes each epoch's figures for TensorBoard, to watch a training while it runs.

tensorboard --logdir artifacts
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.utils.tensorboard import SummaryWriter

from train.fit.monitor import summarise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from train.fit.checkpoint import EpochRecord
    from train.fit.monitor import Sample

EVENTS_FOLDER = "events"


def open_events(folder: Path, first_epoch: int) -> SummaryWriter:
    """Open the event files of the training in `folder`; use it in a `with` block.

    Args:
        folder: The training's folder.
        first_epoch: Index of the next epoch; older events from it on are no longer shown.
    """
    return SummaryWriter(str(folder / EVENTS_FOLDER), purge_step=first_epoch + 1)


def figures_of(record: EpochRecord, samples: Sequence[Sample]) -> dict[str, float]:
    """Return the figures of one epoch, and the resources used during it, by name."""
    return {
        "loss/train": record.train_loss,
        "accuracy/train": record.train_accuracy,
        "accuracy/val": record.val_accuracy,
        "speed/images_per_s": record.images_per_s,
        "recipe/learning_rate": record.learning_rate,
        "recipe/crop": record.crop,
        **{f"machine/{name}": value for name, value in summarise(samples).items()},
    }


def write_epoch(events: SummaryWriter, figures: Mapping[str, float], number: int) -> None:
    """Write the figures of an epoch, numbered from 1 as in the log and the report."""
    for name, value in figures.items():
        events.add_scalar(name, value, number)
    events.flush()
