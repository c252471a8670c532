"""The inference API's answer for a photo, as a typed value.

`client.api.inference` sends the requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from client.errors import UnexpectedReply


@dataclass(frozen=True)
class Prediction:
    """The model's answer for one photo.

    `scores` holds (class name, probability in 0..1), best first: as many as the server's `top_k`.
    """

    scores: tuple[tuple[str, float], ...]

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.scores[0][0]

    @property
    def probability(self) -> float:
        """The probability of the most probable class, 0..1."""
        return self.scores[0][1]


def read_prediction(reply: Any) -> Prediction:
    """Read ``{"daisy": 0.98, "tulips": 0.01}``."""
    try:
        scores = [(str(name), float(value)) for name, value in reply.items()]
    except (AttributeError, TypeError, ValueError):
        scores = []
    if not scores:
        raise UnexpectedReply(
            'expected class names with probabilities, such as {"daisy": 0.98}; '
            f"the server sent {str(reply)[:200]}"
        )
    # The contract is best first; sorting makes `label` correct with any handler.
    return Prediction(tuple(sorted(scores, key=lambda score: -score[1])))
