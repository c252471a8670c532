"""The server's description of its model: version, runtime, precision, accuracy, preprocessing.

The page works without it if a server does not describe its model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from client.errors import ClientError
from ui.markup import render
from ui.texts import percent, say

if TYPE_CHECKING:
    from client.api.models import ModelStatus
    from client.connection import Connection

# The project's default, for servers whose management API cannot be reached.
_PREPROCESSING = {"resize": 256, "crop": 224}


def read_facts(connection: Connection, version: str | None = None) -> ModelStatus | ClientError:
    """Get the state and the description of a version, by default of the default one."""
    try:
        return connection.management().describe(connection.model, version, customized=True)
    except ClientError as error:
        return error


def metadata_of(facts: ModelStatus | ClientError) -> Mapping[str, Any]:
    """Return the handler's own description; empty if there is none."""
    found = None if isinstance(facts, ClientError) else facts.metadata
    return found if isinstance(found, Mapping) else {}


def preprocessing_of(facts: ModelStatus | ClientError) -> Mapping[str, Any]:
    """Return how the model crops photos: `resize` and `crop`, in pixels."""
    found: Mapping[str, Any] = metadata_of(facts).get("preprocessing", _PREPROCESSING)
    return found


def labels_of(facts: ModelStatus | ClientError) -> tuple[str, ...]:
    """Return the names of the model's classes; none if it does not say."""
    labels = metadata_of(facts).get("labels", ())
    return tuple(map(str, labels)) if isinstance(labels, list | tuple) else ()


def facts_html(facts: ModelStatus | ClientError, language: str) -> str:
    """Show the facts as a strip of names and values."""
    if isinstance(facts, ClientError):
        return render("facts", language, values=[], reason=str(facts))
    metadata = metadata_of(facts)
    values = [
        ("version", facts.version, ""),
        ("runtime", metadata.get("runtime"), ""),
        ("precision", metadata.get("precision"), ""),
        ("accuracy", *_accuracy(metadata, language)),
        ("workers", f"{facts.ready_workers}", ""),
        ("weights", str(metadata.get("weights_sha256", ""))[:12], ""),
    ]
    return render("facts", language, values=[value for value in values if value[1]], reason="")


def _accuracy(metadata: Mapping[str, Any], language: str) -> tuple[str, str]:
    """Return the accuracy of the form that is served, and what it was measured on."""
    trained, figures = metadata.get("val_accuracy"), metadata.get("runtime_accuracy")
    images = metadata.get("val_images") or "?"
    if trained is None:
        return "", ""
    if isinstance(figures, Mapping) and "accuracy" in figures:  # taken when this form was made
        taken_on = figures.get("images", images)
        note = say(language, "facts.served", images=taken_on, precision=metadata.get("precision"))
        if "fp32_accuracy" in figures:
            exact = percent(figures["fp32_accuracy"], language)
            note += say(language, "facts.exact", exact=exact)
        return percent(figures["accuracy"], language), note
    if isinstance(trained, str) or metadata.get("precision") != "fp32":
        return say(language, "facts.never_measured"), ""
    interval = metadata.get("val_accuracy_ci95")
    if not interval:
        return percent(trained, language), ""
    low, high = (percent(bound, language) for bound in interval)
    return percent(trained, language), say(
        language, "facts.interval", low=low, high=high, images=images
    )
