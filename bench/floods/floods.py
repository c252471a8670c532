"""The floods, and one client's throughput beside each."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import psutil
from PIL import Image

from bench.faults.burst import burst
from bench.lab.generator import generate
from bench.lab.load import Load
from bench.lab.processes import at_work_in, role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Kind = Literal["clients", "strangers", "idlers"]
MB = 1_000_000
CLIENTS = 4  # of the bystander
_SIDE, _SEED = 2048, 7
_LOOK_S = 0.1


@dataclass(frozen=True)
class Flood:
    """Requests that all come at once.

    Attributes:
        name: For `--only`.
        title: For the table.
        count: How many.
        size: Bytes of each body.
        kind: Clients have a key, strangers have none; idlers have none either, declare 32 MB, send
            `size` bytes and wait.
    """

    name: str
    title: str
    count: int
    size: int
    kind: Kind = "clients"


FLOODS = (
    Flood("large", "48 photos of 10.4 MB", 48, 10_400_000),
    Flood("medium", "200 photos of 3.5 MB", 200, 3_500_000),
    Flood("many", "120 photos of 8 MB", 120, 8_000_000),
    Flood("strangers", "48 strangers with 10.4 MB each", 48, 10_400_000, "strangers"),
    Flood("idlers", "90 strangers who send 5 of 32 MB and wait", 90, 5_000_000, "idlers"),
)


@dataclass
class Seen:
    """What came of a flood.

    Attributes:
        outcomes: Answers by status, and requests without one.
        rounds: How often the flood came, while the bystander asked.
        alone: The bystander's answers a second before it.
        beside: The same meanwhile; None if the bystander was not answered with 200 alone.
        memory_mb: At its highest, by process.
        alive: Whether the server still answers.
    """

    alone: float
    outcomes: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    beside: float | None = None
    memory_mb: dict[str, float] = field(default_factory=dict)
    alive: bool = False


def photo(size: int) -> bytes:
    """Draw a JPEG of noise, and fill it up to `size` bytes: it takes as long as a real one."""
    generator = np.random.default_rng(_SEED)
    side = int(_SIDE * min(1.0, (size / (8 * MB)) ** 0.5))
    pixels = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue().ljust(size, b"\0")[:size]


@dataclass(frozen=True)
class Target:
    """Who is flooded.

    Attributes:
        address: Host and port.
        path: Of the prediction's URL.
        headers: With the key.
        run_dir: The server's run folder.
    """

    address: tuple[str, int]
    path: str
    headers: dict[str, str]
    run_dir: Path


def measure(flood: Flood, target: Target, photos: Sequence[Path], seconds: float) -> Seen:
    """Ask as the bystander before and during a flood.

    Args:
        flood: What comes.
        target: Whom it hits.
        photos: Small ones, the bystander's.
        seconds: How long to measure each time.
    """
    host, port = target.address
    bodies = tuple(str(path) for path in photos)
    load = Load(host, port, target.path, target.headers, bodies, clients=CLIENTS, seconds=seconds)
    seen = Seen(alone=generate(load).throughput)
    done = threading.Event()
    with watched(target.run_dir, seen.memory_mb):
        thread = threading.Thread(target=_send, args=(flood, target, seen, done))
        thread.start()
        try:
            with contextlib.suppress(Exception):  # whatever it is: the bystander was not served
                seen.beside = generate(load).throughput
        finally:
            done.set()
            thread.join()
    with contextlib.suppress(Exception):
        seen.alive = generate(load).answers > 0
    return seen


def _send(flood: Flood, target: Target, seen: Seen, done: threading.Event) -> None:
    """Send the flood again and again, and once at least."""
    body = photo(flood.size) if flood.kind == "clients" else bytes(flood.size)
    headers = {} if flood.kind == "strangers" else target.headers
    while True:
        seen.rounds += 1
        if flood.kind == "idlers":
            seen.outcomes += _idle(flood, target, done)
        else:
            answers = burst(target.address, target.path, headers, [body], flood.count)
            seen.outcomes += Counter(answer.outcome for answer in answers)
        if done.is_set():
            return


def _idle(flood: Flood, target: Target, done: threading.Event) -> Counter[str]:
    """Declare more than is sent, until the bystander is done."""
    head = f"POST {target.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {32 * MB}\r\n\r\n".encode()
    seen: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        idlers = []
        for _ in range(flood.count):
            with contextlib.suppress(OSError):
                idler = stack.enter_context(socket.create_connection(target.address, timeout=10))
                idlers.append(idler)
                idler.sendall(head + bytes(flood.size))
        done.wait()
        for idler in idlers:
            try:
                idler.settimeout(0.1)
                first = idler.recv(12).decode("ascii", "replace")
                seen[first[9:] or "broken off"] += 1
            except TimeoutError:
                seen["no answer"] += 1
            except OSError:
                seen["broken off"] += 1
    seen["broken off"] += flood.count - len(idlers)
    return +seen


@contextlib.contextmanager
def watched(run_dir: Path, highest: dict[str, float]) -> Iterator[None]:
    """Note the most memory that each kind of process of a run folder holds meanwhile, in MB."""
    done = threading.Event()

    def look() -> None:
        processes = at_work_in(run_dir)
        while not done.wait(_LOOK_S):
            for process in processes:
                with contextlib.suppress(psutil.Error):
                    megabytes = process.memory_info().rss / MB
                    name = role(process)
                    highest[name] = max(highest.get(name, 0.0), megabytes)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
