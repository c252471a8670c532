"""`model.json`: travels with a weights file and gives it its meaning.

Everything that would change the answers (input size, mean, standard deviation) is stored here and
is not a server setting.
Class names are the one exception: they have their conventional file, `index_to_name.json`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from classifier.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTION_FILE = "model.json"
NEVER_MEASURED = "never measured"  # the interval of an unknown accuracy
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# Pillow's filters without ties: "nearest" and "box" pick one pixel or another by rounding.
INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the network's input.

    Attributes:
        resize: Length of the short side after resizing, in pixels; of both where `squash` is set.
        crop: Side of the square centre crop, in pixels; at most `resize`.
        mean: Per channel (R, G, B), of values in 0..1.
        std: Per channel (R, G, B), of values in 0..1.
        squash: Resize to a square and ignore the image's aspect ratio.
        interpolation: One of `INTERPOLATIONS`.
        bgr: Whether the network takes its channels as B, G, R, as OpenCV reads them; only for ONNX
            graphs.
    """

    resize: int = 256
    crop: int = 224
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    squash: bool = False
    interpolation: str = "bilinear"
    bgr: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.crop <= self.resize:
            raise ModelError(f"crop must be in 1..{self.resize} (resize), found {self.crop}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:  # noqa: PLR2004
            raise ModelError("mean and std must hold three values each, std above 0")
        if self.interpolation not in INTERPOLATIONS:
            raise ModelError(
                f"interpolation must be one of {', '.join(INTERPOLATIONS)}, "
                f"found {self.interpolation!r}"
            )
        for name in ("squash", "bgr"):
            if not isinstance(getattr(self, name), bool):
                raise ModelError(f"{name} must be true or false, found {getattr(self, name)!r}")

    def __str__(self) -> str:
        """Return a one-line summary, such as "256 px, crop 224 px"."""
        filters = "" if self.interpolation == "bilinear" else f", {self.interpolation}"
        square = ", squashed to a square" if self.squash else ""
        return f"{self.resize} px{square}{filters}, crop {self.crop} px"


@dataclass(frozen=True)
class ModelDescription:
    """Describes a weights file: network, preprocessing, provenance and accuracy.

    Attributes:
        arch: Name of the torchvision model, such as ``resnet34``; ``onnx`` where the weights file
            is an ONNX graph.
        weights_file: Name of the weights file, in the same folder.
        weights_sha256: Hexadecimal SHA-256 of that file.
        preprocessing: How an image becomes the network's input.
        data_fingerprint: SHA-256 over the names and contents of the training photos.
        val_accuracy: Share of validation photos classified correctly, 0..1.
        val_accuracy_ci95: Lower and upper end of its 95 % confidence interval.
        val_images: Number of photos that the accuracy was measured on.
        test_accuracy: The same on test photos, which chose nothing; None if there were none.
        test_accuracy_ci95: Its interval.
        test_images: Number of test photos.
        temperature: Divisor that calibrates the logits; already folded into the weights.
        class_means_sha256: SHA-256 of the file of class means, beside the weights; empty if there
            is none.
        similarity_below: A photo whose similarity to the nearest class mean is lower is rejected
            as none of the classes, -1..1; None if there are no class means.
        reject_below: Without class means, a photo of lower confidence is rejected, 0..1; None if
            it was never fitted.
        false_reject_rate: Share of validation photos below the threshold, for both thresholds.
        recipe: Name of the training recipe.
        git_revision: Git revision of the training code.
    """

    arch: str
    weights_file: str
    weights_sha256: str
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    data_fingerprint: str = ""
    val_accuracy: float | None = None
    val_accuracy_ci95: tuple[float, float] | None = None
    val_images: int = 0
    test_accuracy: float | None = None
    test_accuracy_ci95: tuple[float, float] | None = None
    test_images: int = 0
    temperature: float = 1.0
    class_means_sha256: str = ""
    similarity_below: float | None = None
    reject_below: float | None = None
    false_reject_rate: float | None = None
    recipe: str = ""
    git_revision: str = ""


def read_description(path: Path) -> ModelDescription:
    """Read `model.json`.

    Raises:
        ModelError: The file is missing, is not a JSON object, or has missing or unknown fields.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["preprocessing"] = Preprocessing(**_tuples(fields.get("preprocessing", {})))
        return ModelDescription(**_tuples(fields))
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: not a model description: {error}") from error


def write_description(path: Path, description: ModelDescription) -> None:
    """Write `model.json`; `read_description` returns an equal object."""
    text = json.dumps(dataclasses.asdict(description), ensure_ascii=False, indent=2) + "\n"
    path.write_text(text, encoding="utf-8")


def sha256_of_file(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's contents."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(path: Path, expected: str) -> None:
    """Check that a file of a model folder is the one that its `model.json` describes.

    Raises:
        ModelError: It is missing, or another file, as after a training that was killed while
            replacing them.
    """
    if not path.is_file():
        raise ModelError(f"{path}: missing; train a model (`make train`) or restore the file")
    digest = sha256_of_file(path)
    if digest != expected:
        raise ModelError(
            f"{path}: {DESCRIPTION_FILE} beside it describes another file (SHA-256 "
            f"{expected[:12]}, this one's is {digest[:12]}): train again, or restore both together"
        )


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
