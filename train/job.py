"""The training job from end to end: check the photos, train, write and evaluate the model.

It decides the order of things; each of them is the matter of a module of its own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from classifier.architectures import file_name
from classifier.description import ModelDescription
from classifier.network import build_network
from train import world
from train.data.check import check_data_set
from train.data.photo_cache import with_decoded_photos
from train.evaluation.calibration import fit, fold_temperature
from train.evaluation.class_means import add_class_means
from train.evaluation.evaluate import evaluate
from train.evaluation.predict import choose_device, predict
from train.fit.checkpoint import CHECKPOINT_FILE, Checkpoint
from train.fit.loop import PREPROCESSING, train_network
from train.fit.monitor import Monitor
from train.fit.weights import initial_network
from train.model_folder import describe, reference_answers, write_model_files, write_network
from train.training_report import Outcome, write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from train.data.data_set import DataSet
    from train.evaluation.calibration import TemperatureFit
    from train.evaluation.metrics import Metrics
    from train.fit.checkpoint import Progress
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
    data_url: str = ""  # where the photos are kept, if that is a bucket
    after_epoch: Callable[[Path], None] = lambda _: None  # is given the checkpoint


def run(job: Job) -> Metrics | None:
    """Train a model, write it with its report and evaluation; return the validation metrics.

    Of several processes the first one writes; the others return None when the training is done.

    Raises:
        train.errors.TrainError: Whatever keeps the training from being done.
    """
    with Monitor() as monitor:
        data_set, data_fingerprint = check_data_set(job.data_root)
        if job.recipe.cached_side:
            data_set = with_decoded_photos(
                data_set, data_fingerprint, job.recipe.cached_side, PREPROCESSING
            )
        torch.manual_seed(job.recipe.seed)  # of the fresh head, or of all weights
        progress = train_network(
            initial_network(job.recipe, data_set.class_names, job.data_root),
            data_set,
            job.recipe,
            checkpoint=Checkpoint(
                job.train_root / CHECKPOINT_FILE, job.recipe, data_fingerprint, job.after_epoch
            ),
            resume=job.resume,
            samples=monitor.samples,
        )
        if not world.is_first():
            return None
        description, metrics, calibration = _write_model(job, data_set, progress, data_fingerprint)
    samples = tuple(monitor.samples)
    outcome = Outcome(description, job.recipe, data_set, progress, metrics, calibration, samples)
    write_report(job.train_root, outcome)
    logger.info("wrote %s and its report", job.train_root / description.weights_file)
    return metrics["val"]


def _write_model(
    job: Job, data_set: DataSet, progress: Progress, data_fingerprint: str
) -> tuple[ModelDescription, dict[str, Metrics], TemperatureFit | None]:
    """Write the best epoch's weights, calibrated, and evaluate what was written."""
    arch, class_names = job.recipe.arch, data_set.class_names
    state, calibration = progress.best_state, None
    if job.recipe.calibrate:
        calibration = _calibration(state, arch, data_set)
        state = fold_temperature(state, calibration.temperature)
    path = job.train_root / file_name(arch, ".pth")
    network, sha256 = write_network(path, state, arch, len(class_names), PREPROCESSING.crop)
    answers = reference_answers(network, PREPROCESSING)
    results = evaluate(
        network.to(choose_device()),
        data_set,
        PREPROCESSING,
        job.eval_root,
        photos_url=job.data_url,
        facts={
            "architecture": arch,
            "weights_sha256": sha256,
            "data_fingerprint": data_fingerprint,
        },
    )
    description = ModelDescription(
        arch=arch,
        weights_file=path.name,
        weights_sha256=sha256,
        preprocessing=PREPROCESSING,
        data_fingerprint=data_fingerprint,
        temperature=calibration.temperature if calibration else 1.0,
        recipe=job.recipe.name,
        git_revision=progress.git_revision,
    )
    metrics = {split: result.metrics for split, result in results.items()}
    description = describe(description, metrics["val"])
    description = add_class_means(job.train_root, description, results)
    write_model_files(job.train_root, description, class_names, answers, job.recipe)
    return description, metrics, calibration


def _calibration(state: dict[str, Tensor], arch: str, data_set: DataSet) -> TemperatureFit:
    """Fit the temperature of weights that are in no file yet."""
    network = build_network(arch, len(data_set.class_names), PREPROCESSING.crop)
    network.load_state_dict(state)
    probabilities = predict(network.to(choose_device()), data_set.val, PREPROCESSING)
    return fit(probabilities, np.array([photo.label for photo in data_set.val]))
