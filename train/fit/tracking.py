"""Follows a training in MLflow, if MLFLOW_TRACKING_URI names a server or a folder.

MLflow is no dependency of the project. Its other variables, such as MLFLOW_EXPERIMENT_NAME, count
too. A training that is resumed continues its run.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from storage.files import write_text
from train.errors import TrackingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from train.recipe import Recipe

    Log = Callable[[Mapping[str, float], int], None]

_VARIABLE = "MLFLOW_TRACKING_URI"
RUN_FILE = "mlflow-run.txt"


def check_tracking() -> None:
    """Check that MLflow is installed if it is wanted.

    Raises:
        TrackingError: It is not.
    """
    if os.environ.get(_VARIABLE):
        _mlflow()


@contextlib.contextmanager
def tracked(folder: Path, recipe: Recipe, first_epoch: int) -> Iterator[Log]:
    """Yield what logs an epoch's figures by name, and its number from 1.

    Args:
        folder: The training's folder, where the run's id is kept.
        recipe: Becomes the run's parameters.
        first_epoch: Index of the next epoch; 0 starts a run of its own.

    Raises:
        TrackingError: MLflow is not installed, or cannot be reached.
    """
    if not os.environ.get(_VARIABLE):
        yield lambda _figures, _epoch: None
        return
    mlflow, run_file = _mlflow(), folder / RUN_FILE
    known = run_file.read_text("utf-8").strip() if first_epoch and run_file.is_file() else None
    try:
        run = mlflow.start_run(run_id=known, run_name=recipe.name)
    except Exception as error:  # MLflow's own, and those of whatever carries the connection
        raise TrackingError(
            f"{_VARIABLE}={os.environ[_VARIABLE]}: no run can be started there ({error})"
        ) from error
    with run:
        write_text(run_file, f"{run.info.run_id}\n")
        if known is None:
            mlflow.log_params(asdict(recipe))
        yield lambda figures, epoch: mlflow.log_metrics(dict(figures), step=epoch)


def _mlflow() -> Any:
    try:
        return importlib.import_module("mlflow")
    except ImportError as error:
        raise TrackingError(
            f"{_VARIABLE} is set, and MLflow is not installed: run `.venv/bin/pip install mlflow`, "
            "or unset the variable"
        ) from error
