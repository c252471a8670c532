"""Turns a model folder into the folder that `torch-model-archiver` packs.

Chooses the runtime: the requested one if it passes the accuracy gate, else the next more exact one,
with a message.
"""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archive import gate
from archive.errors import BuildError
from archive.exam import Exam
from archive.optimise import OPENVINO_FILES, write_runtime
from classifier.architectures import ONNX
from classifier.description import DESCRIPTION_FILE
from classifier.labels import LABELS_FILE
from classifier.model import CLASS_WEIGHTS_FILE, RUNTIME_FILE, RuntimeChoice
from classifier.reference import REFERENCE_FILE
from classifier.runtimes import RUNTIMES
from classifier.similarity import CLASS_MEANS_FILE
from storage.files import atomic_folder

if TYPE_CHECKING:
    from archive.exam import Measured
    from archive.source import Source

logger = logging.getLogger(__name__)

# A model folder may include ready forms, each in a folder named like its runtime, with the figures
# and the answers to the reference pictures that were measured when it was made; the starters bring
# int8.
INT8_FOLDER = "openvino-int8"
FIGURES_FILE = "accuracy.json"
_FORM_FILES = (*OPENVINO_FILES, CLASS_WEIGHTS_FILE)
_PLACEHOLDER = Path(__file__).with_name("torch_placeholder.py")
_DEVICES = Path("/dev")  # asked rather than PyTorch, which ready forms are archived without


def build(source: Source, runtime: str, data_url: Path | None, output: Path) -> RuntimeChoice:
    """Write everything that the .mar contains apart from the handler; all of it or nothing.

    Args:
        source: The checked model.
        runtime: One of `classifier.runtimes.RUNTIMES`.
        data_url: The data set to calibrate with and to measure on; None if there is none.
        output: The folder to write; replaced if it exists.

    Raises:
        BuildError: The runtime is unknown, or the data set does not match the model.
    """
    if runtime not in RUNTIMES:
        raise BuildError(f"unknown runtime {runtime!r}; choose one of {', '.join(RUNTIMES)}")
    if source.description.arch == ONNX and runtime_needs_torch(runtime):
        raise BuildError(
            f"{source.folder} holds an ONNX graph, which PyTorch cannot run: serve it with "
            "RUNTIME=openvino-int8, openvino-bf16 or openvino-fp32"
        )
    tell_of_idle_gpu(runtime)
    with atomic_folder(output) as folder:
        means = [CLASS_MEANS_FILE] if source.description.class_means_sha256 else []
        for name in (LABELS_FILE, DESCRIPTION_FILE, REFERENCE_FILE, *means):
            shutil.copyfile(source.folder / name, folder / name)
        choice = _build_runtime(source, runtime, data_url, folder)
        choice.write(folder / RUNTIME_FILE)
        if not (folder / CLASS_WEIGHTS_FILE).is_file():
            _write_class_weights(source, folder)
        if not runtime_needs_torch(choice.runtime):
            shutil.copyfile(_PLACEHOLDER, folder / "torch.py")
    return choice


def runtime_needs_torch(runtime: str) -> bool:
    """Whether a worker with this runtime uses PyTorch."""
    return RUNTIMES[runtime].engine == "torch"


def build_needs_torch(source: Source, runtime: str) -> bool:
    """Whether `build` would need PyTorch: always, unless the form is ready."""
    return ready_figures(source, runtime) is None


def uses_photos(source: Source, runtime: str) -> bool:
    """Whether `build` calibrates with photos or measures on them, if there are any."""
    return RUNTIMES[runtime].more_exact is not None and build_needs_torch(source, runtime)


def tell_of_idle_gpu(runtime: str) -> None:
    """Log how to use this machine's GPU if there is one and `runtime` does not use it."""
    if runtime.startswith("openvino") and any(_DEVICES.glob("nvidia[0-9]*")):
        logger.warning("%s leaves this machine's GPU idle; RUNTIME=torch-bf16 uses it", runtime)


def quantise_starter(source: Source, data_url: Path) -> gate.Figures:
    """Add the int8 form to a model folder, for machines without photos.

    Raises:
        BuildError: The quantised model does not pass the accuracy gate.
    """
    exam = Exam(source, data_url)
    with atomic_folder(source.folder / INT8_FOLDER) as folder:
        figures = write_form(source, "openvino-int8", exam, folder)[1].figures
        if not figures.passes:
            reasons = "; ".join(figures.reasons)
            raise BuildError(
                f"the int8 form does not pass the accuracy gate: {reasons} ({figures})"
            )
    return figures


def write_form(source: Source, runtime: str, exam: Exam, folder: Path) -> tuple[Path, Measured]:
    """Write a ready form; return the file that the runtime loads, and what was measured."""
    model_file = folder / write_runtime(runtime, source, folder, exam.calibration.pixels)
    measured = exam.take(runtime, model_file)
    if RUNTIMES[runtime].more_exact:
        exam.write_reference(runtime, model_file, folder / REFERENCE_FILE)
    _write_class_weights(source, folder)
    figures = measured.figures.as_dict()
    record = {"weights_sha256": source.description.weights_sha256, **figures}
    (folder / FIGURES_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return model_file, measured


def _build_runtime(
    source: Source, runtime: str, data_url: Path | None, folder: Path
) -> RuntimeChoice:
    """Write the first form that passes: the requested one, else the next more exact one."""
    if ready := _copy_ready(source, runtime, folder):
        return ready
    exam = Exam(source, data_url) if data_url and RUNTIMES[runtime].more_exact else None
    name, form = runtime, RUNTIMES[runtime]
    while form.more_exact:
        # A fallback was not requested, so it must be as good as float32.
        if exam is None and (form.needs_photos or name != runtime):
            need = "calibrate" if form.needs_photos else "check"
            logger.warning("no data set to %s %s with (DATA_URL)", need, form.precision)
        else:
            calibration = exam.calibration.pixels if exam else None
            model_file = write_runtime(name, source, folder, calibration)
            if exam is None:  # nothing to measure on
                return RuntimeChoice(name, model_file, form.tolerance)
            figures = exam.take(name, folder / model_file).figures
            logger.info("%s: %s", name, figures)
            logger.info("the accuracy gate: %s", figures.criteria)
            for doubt in figures.doubts:
                logger.warning("%s: %s", name, doubt)
            if figures.passes:
                exam.write_reference(name, folder / model_file, folder / REFERENCE_FILE)
                return RuntimeChoice(name, model_file, form.tolerance, figures.as_dict())
            reasons = "; ".join(figures.reasons)
            logger.warning("%s does not pass the accuracy gate: %s", name, reasons)
        logger.warning("using the next more exact form, %s", form.more_exact)
        name, form = form.more_exact, RUNTIMES[form.more_exact]
    return RuntimeChoice(name, write_runtime(name, source, folder), form.tolerance)


def _copy_ready(source: Source, runtime: str, folder: Path) -> RuntimeChoice | None:
    """Use a ready form, if it was made from the same weights."""
    figures = ready_figures(source, runtime)
    if figures is None:
        return None
    ready = _ready_folder(source, runtime)
    own = [REFERENCE_FILE] if (ready / REFERENCE_FILE).is_file() else []
    for name in (*_FORM_FILES, *own):
        shutil.copyfile(ready / name, folder / name)
    if not source.forms:  # then it was measured just now
        logger.info("%s, as shipped: %s", runtime, figures)
    tolerance = RUNTIMES[runtime].tolerance
    return RuntimeChoice(runtime, OPENVINO_FILES[0], tolerance, figures.as_dict())


def ready_figures(source: Source, runtime: str) -> gate.Figures | None:
    """Return the figures of a model's ready form; None if there is none for its weights."""
    ready = _ready_folder(source, runtime)
    if not all((ready / name).is_file() for name in (FIGURES_FILE, *_FORM_FILES)):
        return None
    weights_sha256, figures = gate.read_figures(ready / FIGURES_FILE)
    if weights_sha256 != source.description.weights_sha256:
        logger.warning("%s was made from other weights: making it again", ready)
        return None
    return figures


def _ready_folder(source: Source, runtime: str) -> Path:
    made = source.forms / runtime if source.forms else None
    return made if made and made.is_dir() else source.folder / runtime


def _write_class_weights(source: Source, folder: Path) -> None:
    from classifier.parts import class_weights_of  # noqa: PLC0415  imports PyTorch

    np.save(folder / CLASS_WEIGHTS_FILE, class_weights_of(source.network.module))
