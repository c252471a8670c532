"""`config.json`: what ModelArts reads before it runs a package; only documented fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUNTIME = "python3.6"
# What the package imports. The platform's PyTorch images have them; ATLEAST keeps their versions.
_DEPENDENCIES = (("torch", "1.6.0"), ("torchvision", "0.7.0"), ("Pillow", "7.0.0"))


def make_config(
    figures: Mapping[str, float], class_names: Sequence[str], *, runtime: str = RUNTIME
) -> dict[str, Any]:
    """Build the contents of `config.json`.

    Args:
        figures: Any of f1, recall, precision, accuracy, each 0..1.
        class_names: In the order of the output neurons.
        runtime: The platform's image, such as ``python3.6``.
    """
    return {
        "model_type": "PyTorch",
        "model_algorithm": "image_classification",
        "runtime": runtime,
        "metrics": dict(figures),
        "apis": [
            {
                "protocol": "http",
                "url": "/",
                "method": "post",
                "request": {
                    "Content-type": "multipart/form-data",
                    "data": {
                        "type": "object",
                        "properties": {"images": {"type": "file"}},
                        "required": ["images"],
                    },
                },
                "response": {
                    "Content-type": "application/json",
                    "data": {"type": "object", "properties": _reply_properties(class_names)},
                },
            }
        ],
        "dependencies": [
            {
                "installer": "pip",
                "packages": [
                    {"package_name": name, "package_version": version, "restraint": "ATLEAST"}
                    for name, version in _DEPENDENCIES
                ],
            }
        ],
    }


def _reply_properties(class_names: Sequence[str]) -> dict[str, Any]:
    return {
        "predicted_label": {"type": "string", "enum": list(class_names)},
        "scores": {
            "type": "array",
            "items": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "items": {"type": ["string", "number"]},
            },
        },
    }
