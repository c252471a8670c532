"""Calls a handler as TorchServe's worker does, and encodes the replies likewise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ts.context import Context, RequestProcessor
from ts.protocol.otf_message_handler import create_predict_response

from resnet_handler import ResNetHandler
from tests.bodies import in_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CONFIG = {
    "handler": {
        "top_k": 2,
        "max_image_bytes": 100_000,
        "max_image_pixels": 200_000,
        "max_images_per_request": 3,
        "max_image_decode_s": 9,
        "max_request_decode_s": 10,
        "deadline_s": 10,
        "max_json_parts": 10_000,
        "decode_threads": 2,
        "answer_cache_mib": 0,
        "reject_unknown": False,
    }
}
BATCH_SIZE = 4


@dataclass(frozen=True)
class Reply:
    """What a client gets.

    Attributes:
        status: HTTP status code.
        content_type: The header of that name.
        body: As the handler returned it.
    """

    status: int
    content_type: str | None
    body: str | bytes

    @property
    def json(self) -> Any:
        """The body, which must be strict JSON: no NaN, no Infinity."""
        assert self.content_type == "application/json"
        return json.loads(self.body, parse_constant=_refuse)


class Worker:
    """A loaded handler and its context."""

    def __init__(
        self, folder: Path, config: Mapping[str, Any] = CONFIG, *, metrics: Any = None
    ) -> None:
        manifest = {"model": {"modelName": "flowers", "modelVersion": "1.5"}}
        self.context = Context(
            "flowers",
            str(folder),
            manifest,
            BATCH_SIZE,
            None,
            "0.12.0",
            metrics=metrics,
            model_yaml_config=dict(config),
        )
        self.handler = ResNetHandler()
        self.handler.initialize(self.context)

    def ask(
        self, rows: Sequence[dict[str, Any]], headers: Sequence[dict[str, str]] = ()
    ) -> list[Reply]:
        """Answer a batch; `headers` are those of the first requests, the others have none."""
        rows = [in_bytes(row) for row in rows]
        padded = [*headers, *[{} for _ in rows[len(headers) :]]]
        self.context.request_processor = [
            # Form fields are among the headers, with their own.
            RequestProcessor({name: {"content-type": ""} for name in row} | header)
            for row, header in zip(rows, padded, strict=True)
        ]
        ids = {index: f"id-{index}" for index in range(len(rows))}
        self.context.request_ids = ids
        bodies = self.handler.handle(list(rows), self.context)
        assert isinstance(bodies, list)
        assert len(bodies) == len(rows)
        create_predict_response(bodies, ids, "Prediction success", 200, context=self.context)
        return [
            Reply(
                self.context.get_response_status(index)[0],
                self.context.get_response_content_type(index),
                body,
            )
            for index, body in enumerate(bodies)
        ]

    def ask_one(self, row: dict[str, Any], **headers: str) -> Reply:
        """Answer a single request; underscores in the names of headers stand for hyphens."""
        (reply,) = self.ask([row], [headers])
        return reply


def _refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")
