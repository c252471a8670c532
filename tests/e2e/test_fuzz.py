"""Malformed bodies against a real server: only 2xx and 4xx come back, and nothing wears out.

One exception is TorchServe's own: it answers 500 to a body declared as a form that is not one.
A few hundred here; `make fuzz` sends 10,000 and writes what came back into `FUZZ_PAGE`.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from bench.lab import machine
from bench.lab.page import write_section
from classifier.reference import REFERENCE_NAMES, draw_png
from tests.e2e.fuzzing import FORM, Body, malformed_bodies, table_of

if TYPE_CHECKING:
    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

COUNT = int(os.environ.get("FUZZ_REQUESTS", "300"))
CONCURRENCY = 4
PICTURE = draw_png(REFERENCE_NAMES[0])
# A worker may keep what its largest batch took, once: 50 megapixels in several copies.
MAY_GROW_MIB = 300


def test_only_2xx_and_4xx_come_back(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    before = served.inference.predict(PICTURE)
    (worker,) = served.management.describe("flowers").workers
    process = psutil.Process(worker.pid)
    headers = {"Authorization": f"Bearer {served.tokens.current('inference')}"}
    local = threading.local()

    def send(body: Body) -> tuple[str, int]:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        reply = local.session.post(
            f"{served.url}/predictions/flowers",
            data=body.content,
            headers=headers | {"Content-Type": body.content_type},
            timeout=120,
        )
        return body.kind, reply.status_code

    memory_mib = [process.memory_info().rss / 2**20]
    statuses: Counter[tuple[str, int]] = Counter()
    bodies = list(malformed_bodies(COUNT))
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        for start in range(0, COUNT, max(1, COUNT // 10)):
            statuses.update(pool.map(send, bodies[start : start + max(1, COUNT // 10)]))
            memory_mib.append(process.memory_info().rss / 2**20)

    successors = [worker.pid for worker in served.management.describe("flowers").workers]
    died = int(successors != [worker.pid])
    if page := os.environ.get("FUZZ_PAGE"):
        figures = {
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": machine.describe(),
            "statuses": [[*entry, count] for entry, count in sorted(statuses.items())],
            "workers_died": died,
            "memory_mib": memory_mib,
        }
        text = table_of(statuses, memory_mib, died)
        write_section(Path(page), "fuzz", text, figures)
        with capsys.disabled():
            os.write(1, f"\n{text}".encode())
    assert statuses.total() == COUNT
    unexpected = {entry for entry in statuses if entry[1] // 100 not in (2, 4)}
    assert unexpected <= {(FORM, 500)}, statuses
    assert successors == [worker.pid]
    assert memory_mib[-1] - memory_mib[1] < MAY_GROW_MIB, memory_mib
    assert served.inference.predict(PICTURE) == before
