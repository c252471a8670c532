"""The errors that end a training command with one clear message.

TrainError
├── UrlError          a URL cannot be read or written
├── DataError         the data set is incomplete, damaged or contradicts itself
├── CacheError        decoded photos cannot be stored on disk
├── RecipeError       a setting is unknown, or its value out of range
├── WeightsError      initial weights are unavailable, or do not fit
├── CheckpointError   a checkpoint is damaged, or belongs to another training
├── DivergenceError   the loss is no longer finite
└── AnalysisError     an evaluation file does not follow its grammar
"""

from __future__ import annotations


class TrainError(Exception):
    """Base of all errors that this package raises on purpose."""


class UrlError(TrainError):
    """A URL that cannot be read from or written to."""


class DataError(TrainError):
    """The data set is incomplete, damaged or contradicts itself.

    Args:
        problems: One message per problem found.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__(*problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        return f"{len(self.problems)} problems with the data set:{lines}"


class CacheError(TrainError):
    """Decoded photos cannot be stored on disk."""


class RecipeError(TrainError):
    """A recipe has an unknown setting, or a value out of range."""


class WeightsError(TrainError):
    """Initial weights are unavailable or do not fit, or written ones do not read back."""


class CheckpointError(TrainError):
    """A checkpoint is damaged, or belongs to another training."""


class TrackingError(TrainError):
    """The training cannot be followed in MLflow, as the environment asks."""


class DivergenceError(TrainError):
    """The loss is no longer finite, so the weights are useless."""


class AnalysisError(TrainError):
    """An evaluation file is damaged, or does not follow the documented grammar."""
