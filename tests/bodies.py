"""Requests in every protocol, as TorchServe passes them."""

from __future__ import annotations

import base64
import json
from typing import Any


def base64_of(file: bytes) -> str:
    """Encode a file as JSON carries it."""
    return base64.b64encode(file).decode("ascii")


def v1(*files: bytes) -> dict[str, Any]:
    """A request in KServe's v1 protocol."""
    return {"instances": [{"b64": base64_of(file)} for file in files]}


def v2(*files: bytes, **changes: Any) -> dict[str, Any]:
    """A request in the Open Inference Protocol v2; `changes` replace members of its tensor."""
    data = [base64_of(file) for file in files]
    tensor = {"name": "image", "shape": [len(data)], "datatype": "BYTES", "data": data}
    return {"inputs": [tensor | changes]}


def as_json(body: Any) -> bytearray:
    """A body as the worker gets it; large ones are bytearrays."""
    return bytearray(json.dumps(body).encode())


def in_bytes(row: dict[str, Any]) -> dict[str, Any]:
    """A request whose JSON is written as clients send it."""
    return {
        name: as_json(value) if isinstance(value, dict | list) else value
        for name, value in row.items()
    }
