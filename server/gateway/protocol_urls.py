"""Maps the URLs of KServe's protocols, v1 and v2, onto TorchServe's own.

TorchServe has only some of them, none for versions, health or metadata; and whatever has one URL
goes one way. The handler knows by the body which protocol it answers in.
"""

from __future__ import annotations

from typing import Any

# Header by which the handler is asked for a model's metadata in Open Inference Protocol v2.
METADATA = {"Describe": "v2"}

_VERSION = "(?:/versions/([^/]+))?"
_MODEL_V1, _MODEL_V2 = "^/v1/models/([^/:]+)", "^/v2/models/([^/]+)"
_METADATA = f"{_MODEL_V2}{_VERSION}(?:/ready)?$"
_PREDICTION, _EXPLANATION = "/predictions/$1", "/explanations/$1"


def to_predictions() -> dict[str, Any]:
    """Return the handler that turns a protocol's URL of inference into TorchServe's."""
    return _rewrite(
        (f"{_MODEL_V1}:predict$", _PREDICTION),
        (f"{_MODEL_V1}:explain$", _EXPLANATION),
        (f"{_MODEL_V2}/infer$", _PREDICTION),
        (f"{_MODEL_V2}/explain$", _EXPLANATION),
        (f"{_MODEL_V2}/versions/([^/]+)/infer$", f"{_PREDICTION}/$2"),
        (f"{_MODEL_V2}/versions/([^/]+)/explain$", f"{_EXPLANATION}/$2"),
    )


def asks_for_health() -> dict[str, Any]:
    """Return the matcher of Open Inference's health; it needs no key, as `/ping` needs none."""
    return {"path": ["/v2/health/live", "/v2/health/ready"], "method": ["GET", "HEAD"]}


def to_ping() -> dict[str, Any]:
    """Return the handler that turns the URL of a protocol's health into TorchServe's."""
    return {"handler": "rewrite", "uri": "/ping"}


def asks_for_metadata() -> dict[str, Any]:
    """Return the matcher of a model's metadata, and of whether it is ready."""
    return {"path_regexp": {"name": "model", "pattern": _METADATA}, "method": ["GET", "HEAD"]}


def to_metadata() -> dict[str, Any]:
    """Return the handler that turns the URL of metadata into a prediction's: a worker answers."""
    return _rewrite(
        (f"{_MODEL_V2}(?:/ready)?$", _PREDICTION),
        (f"{_MODEL_V2}/versions/([^/]+)(?:/ready)?$", f"{_PREDICTION}/$2"),
    )


def _rewrite(*pairs: tuple[str, str]) -> dict[str, Any]:
    rules = [{"find": find, "replace": replace} for find, replace in pairs]
    return {"handler": "rewrite", "path_regexp": rules}
