"""Accuracy through the server: fast answers must also be correct.

The archive's precision and float32, each from an archive of its own, both over HTTP, on the
validation photos; and the server's answers against the same model's without a server.
"""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any

import requests

from bench.lab.commands import output_of
from bench.lab.environments import ROOT
from bench.lab.servers.marigold import MODEL_NAME, Marigold
from bench.lab.subject import ask_in_process
from bench.lab.visit import visit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bench.lab.peers.models import Answer
    from bench.lab.plan import Plan
    from bench.lab.subject import Subject
    from bench.lab.visit import Visit

logger = logging.getLogger(__name__)

_BUILD_TIMEOUT_S = 600


def measure(subject: Subject, data_url: Path, plan: Plan) -> dict[str, Any]:
    """Return top-1 accuracy of the archive and of float32, and how far the answers agree."""
    photos = sorted((data_url / "val").glob("*/*.jpg"))
    ours = _through(Marigold(), subject, photos, plan)
    fp32 = _through(Marigold(mar=fp32_archive(subject)), subject, photos, plan)
    alone = ask_in_process(subject, photos)
    return {
        "images": len(photos),
        "accuracy": _share(
            _top(answer) == photo.parent.name for answer, photo in _zip(ours, photos)
        ),
        "fp32_accuracy": _share(
            _top(answer) == photo.parent.name for answer, photo in _zip(fp32, photos)
        ),
        "agreement_with_fp32": _share(_top(a) == _top(b) for a, b in _zip(ours, fp32)),
        "agreement_without_server": _share(_top(a) == _top(b) for a, b in _zip(ours, alone)),
        "largest_difference_without_server": max(
            abs(a[name] - b[name]) for a, b in _zip(ours, alone) for name in a.keys() & b.keys()
        ),
    }


def fp32_archive(subject: Subject) -> Path:
    """Build the float32 archive of the same weights, with the project's own `make archive`.

    Raises:
        BenchError: It cannot be built.
    """
    folder = subject.work / "fp32"
    handed_down = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}
    output_of(
        [
            *("make", "--silent", "archive", "RUNTIME=openvino-fp32", "DATA_URL=none"),
            *(f"MODEL={subject.weights}", f"MODEL_STORE={folder}", f"BUILD_DIR={folder / 'build'}"),
        ],
        "the float32 archive cannot be built",
        folder=ROOT,
        environment={k: value for k, value in os.environ.items() if k not in handed_down},
        timeout_s=_BUILD_TIMEOUT_S,
    )
    return folder / f"{MODEL_NAME}.mar"


def _through(
    server: Marigold, subject: Subject, photos: Sequence[Path], plan: Plan
) -> list[Answer]:
    with visit(server, subject, plan) as at, requests.Session() as session:
        return [_ask(at, session, photo) for photo in photos]


def _ask(at: Visit, session: requests.Session, photo: Path) -> Answer:
    running = at.running
    url = f"http://127.0.0.1:{running.port}{running.dialect.path}"
    reply = session.post(url, photo.read_bytes(), headers=running.all_headers, timeout=60)
    reply.raise_for_status()
    answer: Answer = json.loads(reply.content)
    return answer


def _top(answer: Answer) -> str:
    return next(iter(answer))


def _zip(left: Sequence[Any], right: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(left, right, strict=True))


def _share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return sum(found) / len(found)
