"""Verifies a .mar before it is served: unpacks it, loads it in a clean process, and queries it.

The clean process is a worker in all but the socket: same import path, same loader, same
configuration. Its answers to the reference pictures must match `reference.json`.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.errors import VerifyError
from archive.members import unpack
from archive.model_config import read_model_config
from archive.through import Measured, measure
from classifier.description import (
    DESCRIPTION_FILE,
    NEVER_MEASURED,
    read_description,
    sha256_of_file,
)
from classifier.labels import LABELS_FILE, read_labels
from classifier.model import RUNTIME_FILE, RuntimeChoice
from classifier.reference import REFERENCE_FILE, REFERENCE_NAMES, read_reference
from storage.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from archive.through import LabelledFile

_TIMEOUT_S, _PHOTO_S = 300, 2.0
_ERROR = re.compile(r"[\w.]+(Error|Exception|Exit)\b: ")  # last line of a traceback
_PROBE = Path(__file__).with_name("probe.py")


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verified:
    """Facts about an archive that may be served.

    Attributes:
        sha256: Hexadecimal SHA-256 of the .mar.
        runtime: Its runtime.
        class_names: In the order of the output neurons.
        difference: Largest difference from the reference's probabilities.
        val_accuracy: From its description, 0..1; None if it was never measured.
        built_accuracy: Result of the accuracy gate when it was built, 0..1; None if there were no
            photos.
        measured: Result on photos now; None if there were none of its classes.
    """

    sha256: str
    runtime: str
    class_names: tuple[str, ...]
    difference: float
    val_accuracy: float | None
    built_accuracy: float | None = None
    measured: Measured | None = None

    @property
    def accuracy(self) -> str:
        """Its accuracy and where that was measured, in words."""
        if self.measured is not None:
            share, photos = self.measured.accuracy, self.measured.photos
            return f"{share:.2%} through the archive, on {photos} photos"
        if self.built_accuracy is not None:
            return f"{self.built_accuracy:.2%} when this form was made, not measured now"
        if self.val_accuracy is not None:
            return f"{self.val_accuracy:.2%} in float32, never measured in this form"
        return NEVER_MEASURED


def verify(mar: Path, photos: Sequence[LabelledFile] = ()) -> Verified:
    """Verify a .mar; returns only if it may be served.

    Args:
        mar: The archive.
        photos: Photos to measure its accuracy on, with requests like a worker's.

    Raises:
        VerifyError: It is damaged or does not load, its answers differ from the reference's, or it
            gives photos of several classes all the same class.
        ArchiveError: Its configuration is wrong.
        ModelError: Its model files do not match each other.
    """
    sha256 = _digest(mar)
    with scratch("marigold-verify-") as temporary:
        folder = temporary.resolve() / "model"
        folder.mkdir()
        unpack(mar, folder)
        for config in folder.glob("*.yaml"):
            read_model_config(config)
        class_names = read_labels(folder / LABELS_FILE)
        description = read_description(folder / DESCRIPTION_FILE)
        choice = RuntimeChoice.read(folder / RUNTIME_FILE)
        if not {photo.class_name for photo in photos} <= set(class_names):
            logger.warning("the photos' classes are not the model's: not measured on them")
            photos = ()
        report = _ask_clean_process(mar, folder, photos)
        if report["foreign"]:
            raise VerifyError(f"{mar}: modules came from elsewhere: {', '.join(report['foreign'])}")
        expected = read_reference(folder / REFERENCE_FILE)
        difference = _compare(mar, report["answers"], expected, class_names, choice.tolerance)
        measured = measure(mar, photos, report["best"]) if photos else None
    if _digest(mar) != sha256:
        raise VerifyError(f"{mar}: changed while it was verified; verify it again")
    return Verified(
        sha256,
        choice.runtime,
        class_names,
        difference,
        description.val_accuracy,
        choice.accuracy.get("accuracy"),
        measured,
    )


def _digest(mar: Path) -> str:
    try:
        return sha256_of_file(mar)
    except OSError as error:
        raise VerifyError(f"{mar}: cannot be read: {error.strerror}") from error


def _ask_clean_process(mar: Path, folder: Path, photos: Sequence[LabelledFile]) -> dict[str, Any]:
    # As TorchServe starts its workers: in the model's folder, with that folder first on the path.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    names = folder.with_name("photos.json")
    names.write_text(json.dumps([str(photo.path.resolve()) for photo in photos]), encoding="utf-8")
    command = [sys.executable, "-P", str(_PROBE), str(folder), str(names)]
    deadline_s = _TIMEOUT_S + _PHOTO_S * len(photos)
    # The kernel closes the other end when this process ends, even by force; then so does the probe.
    watched, held = os.pipe()
    try:
        process = subprocess.run(  # noqa: S603  our own interpreter and script
            command,
            cwd=folder,
            env=environment,
            stdin=watched,
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise VerifyError(f"{mar}: did not load and answer within {deadline_s:.0f} s") from error
    finally:
        os.close(watched)
        os.close(held)
    if process.returncode != 0:
        # TorchServe masks a failing import by a second attempt under this name.
        lines = [line for line in process.stderr.splitlines() if "ts.torch_handler." not in line]
        errors = [line for line in lines if _ERROR.match(line)] or ["it printed no error"]
        raise VerifyError(f"{mar}: does not load as a worker would load it: {errors[-1]}")
    report: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return report


def _compare(
    mar: Path,
    answers: list[dict[str, Any]],
    expected: Mapping[str, list[float]],
    class_names: tuple[str, ...],
    tolerance: float,
) -> float:
    """Compare the answers with the reference's; return the largest difference."""
    broken = answers.pop(1)
    if broken["status"] != 400:  # noqa: PLR2004
        raise VerifyError(f"{mar}: a truncated image got {broken['status']} instead of 400")
    largest = 0.0
    for name, answer in zip(REFERENCE_NAMES, answers, strict=True):
        if answer["status"] != 200:  # noqa: PLR2004
            raise VerifyError(f"{mar}: {name} got {answer['status']}: {answer['body']}")
        evaluation = dict(zip(class_names, expected[name], strict=True))
        difference = max(abs(p - evaluation[label]) for label, p in answer["body"].items())
        if not difference <= tolerance:  # so that NaN fails too
            raise VerifyError(
                f"{mar}: the answer to {name} differs by {difference:.4g} from the reference's; "
                f"at most {tolerance:g} is allowed"
            )
        largest = max(largest, difference)
    return largest
