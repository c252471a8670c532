"""Serving settings: the section `handler:` of `model-config.yaml`, checked.

TorchServe only logs a wrong type there and goes on without it; here it is an error, found when
the archive is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from classifier.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Settings:
    """Limits of requests and replies, and a worker's resources.

    Attributes:
        top_k: How many classes a reply names, best first.
        max_image_bytes: Largest accepted image file, in bytes.
        max_image_pixels: Largest accepted width times height.
        max_images_per_request: For the protocols that take several.
        decode_threads: Threads that decode images, in each worker.
        reject_unknown: Whether replies say that an image is none of the classes.
    """

    top_k: int
    max_image_bytes: int
    max_image_pixels: int
    max_images_per_request: int
    decode_threads: int
    reject_unknown: bool

    @classmethod
    def from_config(cls, model_config: Mapping[str, Any] | None) -> Settings:
        """Take the settings from a parsed `model-config.yaml`.

        Raises:
            ModelError: A setting is missing, unknown, or has a value that is none of its own.
        """
        section = (model_config or {}).get("handler")
        if not isinstance(section, dict):
            raise ModelError("model-config.yaml: expected a section `handler:` with settings")
        types = get_type_hints(cls)
        for name in sorted(types.keys() ^ set(section)):
            problem = "unknown" if name in section else "missing"
            raise ModelError(f"model-config.yaml: handler.{name} is {problem}")
        for name, value in section.items():
            if types[name] is bool:
                _check_switch(name, value)
            else:
                _check_number(name, value)
        return cls(**section)


def _check_switch(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ModelError(
            f"model-config.yaml: handler.{name} must be true or false; found {value!r}"
        )


def _check_number(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelError(
            f"model-config.yaml: handler.{name} must be a whole number of at least 1, "
            f"such as `{name}: 5`; found {value!r}"
        )
