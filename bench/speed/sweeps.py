"""How throughput depends on photo size, number of workers and batch size."""

from __future__ import annotations

import io
import logging
import math
from typing import TYPE_CHECKING, Any

from PIL import Image

from bench.lab.plan import OURS, STOCK
from bench.lab.servers.marigold import Marigold
from bench.lab.variants import remove, variant
from bench.lab.visit import visit
from bench.speed.compare import candidates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.lab.plan import Plan
    from bench.lab.servers import Server
    from bench.lab.subject import Subject

logger = logging.getLogger(__name__)

_SIZE_CLIENTS = 8
_LARGE_PHOTOS = 8  # of 12 megapixels, some 20 MB
_LONG_SIDE = 500
_QUALITY = 90
Rounds = dict[str, list[float]]


def photo_sizes(subject: Subject, plan: Plan, modes: Mapping[str, int]) -> dict[str, Rounds]:
    """Measure our server and the stock one with increasingly large photos, in turns.

    Args:
        subject: The archive and the photos, which are scaled up.
        plan: Sizes and rounds.
        modes: Server name to the chosen mode.

    Returns:
        Size to server name to one throughput per round.
    """
    sizes = {f"{_LONG_SIDE} px": scaled(subject, None)} | {
        f"{megapixels:g} MP": scaled(subject, megapixels) for megapixels in plan.megapixels
    }
    figures: dict[str, Rounds] = {size: {OURS: [], STOCK: []} for size in sizes}
    for _ in range(plan.sweep_rounds):
        for name in (OURS, STOCK):
            with visit(candidates(name)[modes.get(name, 0)], subject, plan) as at:
                for size, photos in sizes.items():
                    run = at.closed(_SIZE_CLIENTS, plan.seconds, photos)
                    figures[size][name].append(run["throughput"])
                    logger.info("  %s, %s: %.1f/s", size, name, run["throughput"])
    return figures


def scaled(subject: Subject, megapixels: float | None) -> tuple[Path, ...]:
    """Write photos at another size as JPEG of quality 90; None for 500 pixels on the long side."""
    folder = subject.work / "photos" / ("500px" if megapixels is None else f"{megapixels:g}mp")
    paths = []
    for number, photo in enumerate(subject.photos[:_LARGE_PHOTOS]):
        path = folder / f"{number}.jpg"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(scale(photo.read_bytes(), megapixels))
        paths.append(path)
    return tuple(paths)


def scale(photo: bytes, megapixels: float | None) -> bytes:
    """Scale a photo; see `scaled`."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    if megapixels is None:
        factor = _LONG_SIDE / max(image.size)
    else:
        factor = math.sqrt(megapixels * 1e6 / (image.width * image.height))
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    buffer = io.BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def worker_counts(subject: Subject, plan: Plan) -> Rounds:
    """Measure our server with increasing numbers of workers."""
    return _sweep({str(n): Marigold(workers=n) for n in plan.workers}, subject, plan)


def one_workers_mb(subject: Subject, plan: Plan) -> float:
    """Return the memory of all processes of our server with one worker, after load, in MB."""
    with visit(Marigold(workers=1), subject, plan) as at:
        at.closed(plan.main_clients, plan.seconds)
        return sum(mb for _, mb in at.memory_mb())


def batch_sizes(subject: Subject, plan: Plan) -> Rounds:
    """Measure our server with increasing batch sizes."""
    folder = subject.work / "variants"
    mars = {
        size: variant(subject.mar, {"batchSize": size}, folder / f"batch-{size}")
        for size in plan.batch_sizes
    }
    servers = {str(size): Marigold(mar=mar) for size, mar in mars.items()}
    figures = _sweep(servers, subject, plan, clients=max(plan.clients[-1], plan.main_clients))
    for mar in mars.values():
        remove(mar)
    return figures


def _sweep(
    servers: Mapping[str, Server], subject: Subject, plan: Plan, clients: int | None = None
) -> Rounds:
    figures: Rounds = {name: [] for name in servers}
    for number in range(plan.sweep_rounds):
        for name in _turned(list(servers), number):
            with visit(servers[name], subject, plan) as at:
                run: dict[str, Any] = at.closed(clients or plan.main_clients, plan.seconds)
            figures[name].append(run["throughput"])
            logger.info("  %s: %.0f/s", name, run["throughput"])
    return figures


def _turned(names: Sequence[str], number: int) -> list[str]:
    """Reverse every other round, so that warming up or slowing down affects all alike."""
    return list(names) if number % 2 == 0 else list(reversed(names))
