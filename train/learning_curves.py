"""Plots loss and accuracies over the epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

if TYPE_CHECKING:
    from pathlib import Path

    from train.fit.checkpoint import Progress


def plot_learning_curves(progress: Progress, path: Path) -> None:
    """Plot the epochs as a PNG file; a dotted line marks the epoch whose weights were kept."""
    epochs = [record.epoch + 1 for record in progress.history]
    figure = Figure(figsize=(8, 5), layout="constrained")
    loss, accuracy = figure.subplots(2, 1, sharex=True)
    loss.plot(epochs, [record.train_loss for record in progress.history], marker=".", label="train")
    loss.set_ylabel("loss")
    for split in ("train", "val"):
        shares = [getattr(record, f"{split}_accuracy") for record in progress.history]
        accuracy.plot(epochs, [100 * share for share in shares], marker=".", label=split)
    accuracy.set_ylabel("accuracy, %")
    accuracy.set_xlabel("epoch")
    accuracy.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (loss, accuracy):
        axes.axvline(progress.best_epoch + 1, color="grey", linestyle=":", label="kept")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, format="png", dpi=100)
