"""Publishes a meter's counts every few seconds, from a separate thread.

They are about a hundred lines of text: too slow for each batch, and needed only once per scrape.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from classifier.meter import Increment, Meter

logger = logging.getLogger(__name__)

INTERVAL_S = 5.0  # below Prometheus' usual 15 s; a killed worker loses what it counted since


def report_regularly(meter: Meter, publish: Callable[[list[Increment]], None]) -> None:
    """Start a thread that publishes the meter's counts until the process ends."""

    def report() -> None:
        while True:
            time.sleep(INTERVAL_S)
            try:
                publish(meter.take())
            except Exception:  # counting must not stop for it
                logger.exception("cannot publish metrics")

    threading.Thread(target=report, name="metrics", daemon=True).start()
