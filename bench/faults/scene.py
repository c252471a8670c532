"""What a fault works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.faults.stage import Stage
    from bench.faults.traffic import Traffic


@dataclass(frozen=True)
class Scene:
    """What a fault works on.

    Attributes:
        stage: The server.
        traffic: Its clients.
        photos: Photos for further requests.
        streak: Good answers in a row that count as recovered.
    """

    stage: Stage
    traffic: Traffic
    photos: tuple[bytes, ...]
    streak: int
