"""A server for the page's tests: it answers as TorchServe and the handler do, without a model."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tests.client import replies
from tests.client.fakes import answering, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FLOWERS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
NOT_AN_IMAGE = "expected an image; found text; send a photo"


class FakeModel:
    """A model whose answer follows from a photo's bytes.

    Args:
        labels: Its classes.
        name: What it is served as.
        has_map: Whether it explains its answers.
        facts: More of its description.
    """

    def __init__(
        self,
        labels: Sequence[str] = FLOWERS,
        *,
        name: str = "flowers",
        has_map: bool = True,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self._labels, self._name, self._has_map = labels, name, has_map
        self._facts = facts or {}

    def scores_of(self, body: bytes) -> dict[str, float]:
        """Return the probabilities, best first."""
        first = sum(body[-64:]) % len(self._labels)
        ranked = [*self._labels[first:], *self._labels[:first]]
        best = 0.5 + (sum(body) % 500) / 1000
        rest = (1 - best) / max(len(ranked) - 1, 1)
        return {label: best if label == ranked[0] else rest for label in ranked}

    def inference(self, method: str, path: str, body: bytes, token: str) -> tuple[int, Any]:
        """Classify or explain whatever is no text."""
        del method, token
        if f"/{self._name}" not in path:
            return 404, replies.NO_MODEL
        if body[:4] not in {b"\x89PNG", b"\xff\xd8\xff\xe0"}:
            return 415, replies.NOT_AN_IMAGE | {"message": NOT_AN_IMAGE}
        scores = self.scores_of(body)
        if not path.startswith("/explanations"):
            return 200, scores
        if not self._has_map:
            message = "expected a network with an exact map; found vit_b_16"
            return 422, {"code": 422, "type": "NoMap", "message": message}
        rows = [[0.1, 0.3, 0.2], [0.2, 2.0, 0.4], [0.1, 0.2, 0.1]]
        return 200, {"label": next(iter(scores)), "class_activation_map": rows}

    def management(self, method: str, path: str, body: bytes, token: str) -> tuple[int, Any]:
        """Describe the model."""
        del method, body, token
        if not path.startswith(f"/models/{self._name}"):
            return 404, replies.NO_MODEL
        found = replies.description(workers=1)
        found["customizedMetadata"] = {
            "labels": list(self._labels),
            "runtime": "openvino-int8",
            "precision": "int8",
            "runtime_accuracy": {"accuracy": 0.915, "fp32_accuracy": 0.918, "images": 331},
            "val_accuracy": 0.918,
            "val_accuracy_ci95": [0.884, 0.943],
            "val_images": 331,
            "weights_sha256": "9e6df2a9fc91a70c",
            "preprocessing": {"resize": 256, "crop": 224},
            **self._facts,
        }
        return 200, [found]

    def metrics(self, *_: Any) -> tuple[int, Any]:
        """Count nothing."""
        return 200, replies.metrics_page(arrived=1, answered=1)

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Serve on three ports in a row; gives the first."""
        apis = (self.inference, self.management, self.metrics)
        for port in range(21500, 30000, 5):
            with ExitStack() as stack:
                try:
                    for offset, api in enumerate(apis):
                        stack.enter_context(serving(answering(api), port + offset))
                except OSError:  # taken
                    continue
                yield port
                return
        raise OSError("no three free ports in a row")
