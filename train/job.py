"""The training job from end to end: check the photos, train, evaluate, write the model.

It decides the order of the steps; each step has its own module.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from classifier.architectures import file_name
from classifier.description import DESCRIPTION_FILE, ModelDescription
from classifier.network import build_network
from classifier.parts import anatomy_of, head_of
from console.progress import working
from storage.files import staged_files
from train import world
from train.data.check import check_data_set
from train.data.data_set import TEST
from train.data.photo_cache import with_decoded_photos
from train.evaluation.calibration import fit, fold_temperature
from train.evaluation.class_means import add_class_means
from train.evaluation.evaluate import evaluate
from train.evaluation.files import write_evaluation
from train.evaluation.predict import choose_device, predict
from train.fit.checkpoint import CHECKPOINT_FILE, Checkpoint
from train.fit.loop import train_network
from train.fit.monitor import Monitor
from train.fit.tracking import check_tracking
from train.fit.weights import initial_network
from train.model_folder import describe, reference_answers, write_model_files, write_network
from train.opening import opening_lines
from train.run_time import RunTime
from train.training_report import Outcome, write_report
from train.urls import alone_in, local_path, output

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from train.data.data_set import DataSet
    from train.evaluation.calibration import TemperatureFit
    from train.fit.checkpoint import Progress
    from train.recipe import Recipe

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A training job: where it reads and writes, and its recipe.

    Attributes:
        data_url: The data set.
        train_url: Target of the model.
        eval_url: Target of the evaluation.
        recipe: The training's settings.
        resume: Whether to continue from the checkpoint at `train_url`, if there is one.
        skip_unreadable: Whether to go on without the photos that cannot be read.
    """

    data_url: str
    train_url: str
    eval_url: str
    recipe: Recipe
    resume: bool = False
    skip_unreadable: bool = False


def run(job: Job) -> None:
    """Train a model; write it with its report and evaluation.

    With several processes, only the first one writes.

    Raises:
        train.errors.TrainError: Any problem that prevents the training.
    """
    run_time = RunTime()
    recipe = job.recipe
    check_tracking()
    # Check the places to write to first, so that problems with them do not appear after hours.
    with (
        world.joined(),
        output(job.train_url) as model,
        output(job.eval_url) as evaluation,
        alone_in(model.folder),
        Monitor() as monitor,
    ):
        if not world.is_first():
            logging.disable(logging.INFO)  # the first one logs, all of them warn
        with run_time.part("transfers"):
            if job.resume:
                model.bring(CHECKPOINT_FILE)
            data_root = local_path(job.data_url)
        with run_time.part("data check"):
            data_set, data_fingerprint = check_data_set(
                data_root, skip_unreadable=job.skip_unreadable
            )
        if recipe.cached_side:
            with run_time.part("decoding"):
                data_set = with_decoded_photos(
                    data_set, data_fingerprint, recipe.cached_side, recipe.preprocessing
                )
        with run_time.part("training"):
            torch.manual_seed(recipe.seed)  # for a new head, or for all weights
            network = initial_network(recipe, data_set.class_names, data_root)
            if recipe.calibrate:
                head_of(network)  # fail now, not after hours, without a final linear layer
            for line in opening_lines(data_set, recipe, network, choose_device()):
                logger.info("%s", line)
            progress = train_network(
                network,
                data_set,
                recipe,
                checkpoint=Checkpoint(
                    model.folder / CHECKPOINT_FILE, recipe, data_fingerprint, model.save
                ),
                resume=job.resume,
                samples=monitor.samples,
            )
        if not world.is_first():
            return
        trained = Trained(data_set, data_fingerprint, progress)
        with staged_files(model.folder, last=(DESCRIPTION_FILE,)) as new:
            outcome = _write_model(job, trained, new, evaluation.folder, run_time)
            outcome = dataclasses.replace(
                outcome, samples=tuple(monitor.samples), run_time_s=run_time.parts_s()
            )
            write_report(new, outcome)
        logger.info("wrote %s and its report", model.folder / outcome.description.weights_file)
    logger.info("%s", run_time.sentence())


@dataclass(frozen=True)
class Trained:
    """The result of the epochs, and the photos trained on."""

    data_set: DataSet
    data_fingerprint: str
    progress: Progress


def _write_model(
    job: Job, trained: Trained, folder: Path, eval_root: Path, run_time: RunTime
) -> Outcome:
    """Write the best epoch's weights, calibrated, and evaluate what was written."""
    arch, data_set, progress = job.recipe.arch, trained.data_set, trained.progress
    state, calibration = progress.best_state, None
    if job.recipe.calibrate:
        with run_time.part("calibration"), working("calibrating on the validation photos"):
            calibration, head = _calibration(state, job.recipe, data_set)
            state = fold_temperature(state, calibration.temperature, head)
    path = folder / file_name(arch, ".pth")
    network, sha256 = write_network(
        path, state, arch, len(data_set.class_names), job.recipe.preprocessing.crop
    )
    answers = reference_answers(network, job.recipe.preprocessing)
    facts = {
        "architecture": arch,
        "weights_sha256": sha256,
        "data_fingerprint": trained.data_fingerprint,
    }
    with run_time.part("evaluation"), working("evaluating the trained model on all photos"):
        evaluation = evaluate(
            network.to(choose_device()), data_set, job.recipe.preprocessing, facts
        )
        write_evaluation(eval_root, evaluation, photos_url=job.data_url)
    metrics = {split: found.metrics for split, found in evaluation.splits.items()}
    description = ModelDescription(
        arch=arch,
        weights_file=path.name,
        weights_sha256=sha256,
        preprocessing=job.recipe.preprocessing,
        data_fingerprint=trained.data_fingerprint,
        temperature=calibration.temperature if calibration else 1.0,
        recipe=job.recipe.name,
        git_revision=progress.git_revision,
    )
    description = describe(description, metrics["val"], metrics.get(TEST))
    description = add_class_means(folder, description, evaluation.splits)
    write_model_files(folder, description, data_set.class_names, answers, job.recipe)
    cautions = evaluation.splits[TEST if TEST in metrics else "val"].cautions
    return Outcome(
        description, job.recipe, data_set, progress, metrics, calibration, cautions=cautions
    )


def _calibration(
    state: dict[str, Tensor], recipe: Recipe, data_set: DataSet
) -> tuple[TemperatureFit, str]:
    """Fit the temperature of weights not yet written; also return the last layer's name."""
    network = build_network(recipe.arch, len(data_set.class_names), recipe.crop)
    network.load_state_dict(state)
    probabilities = predict(network.to(choose_device()), data_set.val, recipe.preprocessing)
    labels = np.array([photo.label for photo in data_set.val])
    return fit(probabilities, labels), str(anatomy_of(network).head)
