"""Serving settings: reads and checks the section `handler:` of `model-config.yaml`.

TorchServe only logs a wrong type and ignores the setting; here it is an error, found when the
archive is built.
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
        max_images_per_request: For the protocols that accept several.
        max_image_decode_s: Longest decoding time of an image in seconds, as `classifier.work`
            estimates it from the header.
        max_request_decode_s: The same for all images of a request together.
        deadline_s: Seconds after which a batch starts no further image; the remaining ones are
            answered with 503. At most half of `responseTimeout`, after which TorchServe kills the
            worker and all its requests.
        max_json_parts: Most members, elements and braces in a JSON body.
        decode_threads: Decoding threads per worker.
        answer_cache_mib: Memory of a worker for the answers to files that come again, in MiB; 0
            keeps none.
        reject_unknown: Whether replies say that an image is none of the classes.
    """

    top_k: int
    max_image_bytes: int
    max_image_pixels: int
    max_images_per_request: int
    max_image_decode_s: int
    max_request_decode_s: int
    deadline_s: int
    max_json_parts: int
    decode_threads: int
    answer_cache_mib: int
    reject_unknown: bool

    @classmethod
    def from_config(cls, model_config: Mapping[str, Any] | None) -> Settings:
        """Read the settings from a parsed `model-config.yaml`.

        Raises:
            ModelError: A setting is missing or unknown, or its value is invalid.
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
                _check_number(name, value, least=0 if name == "answer_cache_mib" else 1)
        settings = cls(**section)
        settings._check_times((model_config or {}).get("responseTimeout"))
        return settings

    def _check_times(self, response_timeout_s: object) -> None:
        """Refuse limits under which an accepted image is never answered, or kills the worker."""
        if self.max_image_decode_s > self.max_request_decode_s:
            raise ModelError(
                f"model-config.yaml: handler.max_image_decode_s ({self.max_image_decode_s}) must "
                f"be at most handler.max_request_decode_s ({self.max_request_decode_s})"
            )
        if isinstance(response_timeout_s, int) and 2 * self.deadline_s > response_timeout_s:
            raise ModelError(
                f"model-config.yaml: handler.deadline_s ({self.deadline_s}) must be at most half "
                f"of responseTimeout ({response_timeout_s}): the last image that is started takes "
                "time, too"
            )


def _check_switch(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ModelError(
            f"model-config.yaml: handler.{name} must be true or false; found {value!r}"
        )


def _check_number(name: str, value: object, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ModelError(
            f"model-config.yaml: handler.{name} must be a whole number of at least {least}, "
            f"such as `{name}: 5`; found {value!r}"
        )
