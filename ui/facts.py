"""The server's description of its model: version, runtime, precision, accuracy, preprocessing.

The page works without it if a server does not describe its model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from client.errors import ClientError
from ui.markup import render
from ui.texts import say

if TYPE_CHECKING:
    from client.api.models import ModelStatus
    from client.connection import Connection

# The project's default, for servers whose management API cannot be reached.
_PREPROCESSING = {"resize": 256, "crop": 224}


def read_facts(connection: Connection) -> ModelStatus | ClientError:
    """Get the state and the description of the default version."""
    try:
        return connection.management().describe(connection.model, customized=True)
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
    """Return the accuracy on the validation photos, with its confidence interval if known."""
    accuracy, interval = metadata.get("val_accuracy"), metadata.get("val_accuracy_ci95")
    if accuracy is None:
        return "", ""
    if isinstance(accuracy, str):  # "never measured"
        return say(language, "facts.never_measured"), ""
    if not interval:
        return f"{accuracy:.1%}", ""
    low, high = (f"{100 * bound:.1f}" for bound in interval)
    images = metadata.get("val_images", "?")
    return f"{accuracy:.1%}", say(language, "facts.interval", low=low, high=high, images=images)
