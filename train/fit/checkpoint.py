"""Stores the state of a training after each epoch, so that a killed job can resume."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from storage.files import atomic_file
from train.errors import CheckpointError
from train.recipe import differences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from train.recipe import Recipe

CHECKPOINT_FILE = "checkpoint.pt"


@dataclass(frozen=True)
class EpochRecord:
    """The record of a finished epoch.

    Attributes:
        epoch: Its index, from 0.
        crop: Side of the training crops, in pixels.
        train_loss: Mean over the training photos.
        train_accuracy: On the transformed training photos, 0..1.
        val_accuracy: In the training's own precision, 0..1.
        learning_rate: At the end of the epoch.
        images_per_s: Training photos per second, without the evaluation.
        seconds: Duration of the epoch, including its evaluation.
    """

    epoch: int
    crop: int
    train_loss: float
    train_accuracy: float
    val_accuracy: float
    learning_rate: float
    images_per_s: float
    seconds: float


@dataclass
class Progress:
    """The progress of a training.

    Attributes:
        git_revision: Git revision of the code that started the training.
        history: One record per finished epoch.
        best_epoch: Index of the epoch with the best validation accuracy; the earliest if tied.
        best_state: State dict of that epoch's network.
    """

    git_revision: str
    history: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = -1
    best_state: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint file of one training, tied to its recipe and photos.

    Attributes:
        path: The file.
        recipe: The training's recipe.
        data_fingerprint: Fingerprint of the photos.
        after_save: Called with the path after each write.
    """

    path: Path
    recipe: Recipe
    data_fingerprint: str
    after_save: Callable[[Path], None] = lambda _: None

    def save(self, progress: Progress, learner_state: Any) -> None:
        """Write the state after an epoch; the previous file stays until the new one is on disk."""
        content = {
            "recipe": dataclasses.asdict(self.recipe),
            "data_fingerprint": self.data_fingerprint,
            "git_revision": progress.git_revision,
            "history": [dataclasses.asdict(record) for record in progress.history],
            "best_epoch": progress.best_epoch,
            "best_state": progress.best_state,
            "learner": learner_state,
        }
        with atomic_file(self.path) as temporary:
            torch.save(content, temporary)
        self.after_save(self.path)

    def load(self) -> tuple[Progress, Any]:
        """Read the progress and the learner's state.

        Raises:
            CheckpointError: The file is damaged, or belongs to another recipe or data set.
        """
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            stored, stored_fingerprint = content["recipe"], content["data_fingerprint"]
            history = [EpochRecord(**record) for record in content["history"]]
            progress = Progress(
                content["git_revision"], history, content["best_epoch"], content["best_state"]
            )
            learner_state = content["learner"]
        except Exception as error:  # torch.load raises errors of many unrelated types
            raise CheckpointError(
                f"{self.path}: cannot read the checkpoint ({error}); "
                "remove it, or train without --resume"
            ) from error
        if changes := differences(stored, self.recipe):
            raise CheckpointError(
                f"{self.path}: the checkpoint is of another recipe ({', '.join(changes)}); "
                "use the same one, or train without --resume"
            )
        if stored_fingerprint != self.data_fingerprint:
            raise CheckpointError(
                f"{self.path}: the photos have changed since this checkpoint "
                f"(fingerprint {stored_fingerprint[:12]}, now {self.data_fingerprint[:12]}); "
                "restore them, or train without --resume"
            )
        return progress, learner_state
