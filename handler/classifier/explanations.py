"""Explanations: where in the picture the evidence for a class lies, as numbers or an overlay."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from classifier.answers import class_activation_map
from classifier.architectures import ONNX
from classifier.errors import NotExplained

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from classifier.images import Pixels
    from classifier.model import Classification, Model

# Dark blue via red to yellow: monotonic in lightness, so it survives greyscale printing.
_RAMP_AT = (0.0, 0.25, 0.5, 0.75, 1.0)
_RAMP = ((13, 8, 135), (126, 3, 168), (204, 71, 120), (248, 149, 64), (240, 249, 33))
_STRENGTH = 0.55  # opacity of the hottest place


def explain(classification: Classification, model: Model) -> dict[str, Any]:
    """Explain the best class, ready for JSON.

    The map is [h, w] over the central square crop that the network saw, in units of the logit:
    its mean plus the class's bias is the logit.

    Raises:
        NotExplained: The network has no exact map.
    """
    best = int(classification.probabilities.argmax())
    check_map(classification, model)
    evidence = class_activation_map(classification.features, model.class_weights[best])
    about_all = {
        "similarity": model.similarity(classification),
        "rejected": model.rejects(classification),
    }
    return {
        "label": model.class_names[best],
        "probability": float(classification.probabilities[best]),
        **{name: value for name, value in about_all.items() if value is not None},
        "class_activation_map": [[round(float(v), 4) for v in row] for row in evidence],
    }


def check_map(classification: Classification, model: Model) -> None:
    """Check that the features are a map; a network without one has a single value per channel.

    Raises:
        NotExplained: There is none.
    """
    if classification.features[0].size == 1:
        arch = model.description.arch
        raise NotExplained(
            expected="a network whose last linear layer follows a global average pooling: only "
            "there is a class activation map exact",
            found="an ONNX graph, of whose layers nothing is known"
            if arch == ONNX
            else f"{arch}, which has no such layers",
            remedy="ask for predictions, or serve such a network (resnet34, efficientnet_b0, ...)",
        )


def overlay_png(
    pixels: Pixels, features: NDArray[np.float32], class_weights: NDArray[np.float32]
) -> bytes:
    """Draw the map of a class over the crop that the network saw, as a PNG file.

    Args:
        pixels: uint8 RGB [H, W, 3].
        features: [F, h, w], the last feature map.
        class_weights: [F], the linear layer's weights for the class.
    """
    evidence = class_activation_map(features, class_weights)
    heat = _resize(_to_unit_range(evidence), pixels.shape[:2])  # [H, W], 0..1
    colour = np.stack([np.interp(heat, _RAMP_AT, channel) for channel in zip(*_RAMP, strict=True)])
    opacity = _STRENGTH * heat[..., None]
    blended = (1 - opacity) * pixels + opacity * colour.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(blended.round().astype(np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def _to_unit_range(values: NDArray[np.float32]) -> NDArray[np.float32]:
    spread = max(float(np.ptp(values)), 1e-9)
    scaled: NDArray[np.float32] = (values - values.min()) / spread
    return scaled


def _resize(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)).clip(0, 1)
