"""Malformed requests, always the same for a seed, and the table of their answers."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.tables import table
from tests.pictures import SAMPLES

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

_FILES = [sample.file for sample in SAMPLES.values() if len(sample.file) < 200_000]
_JSON = "application/json"
_TYPES = ("image/jpeg", _JSON, "text/plain", "x/" + "y" * 200)
# What TorchServe takes apart by itself, before the handler: where that fails, it answers 500.
FORM = "noise, called a form"


@dataclass(frozen=True)
class Body:
    """One request.

    Attributes:
        kind: How it was made, for tables.
        content: What is sent.
        content_type: What it is said to be.
    """

    kind: str
    content: bytes
    content_type: str


def malformed_bodies(count: int, seed: int = 0) -> Iterator[Body]:
    """Yield requests of all kinds in turn."""
    chance = random.Random(seed)
    for number in range(count):
        kind = list(_MAKERS)[number % len(_MAKERS)]
        content, content_type = _MAKERS[kind](chance)
        yield Body(kind, content, content_type)


def table_of(statuses: Counter[tuple[str, int]], memory_mib: list[float], died: int) -> str:
    """Return the counts by kind and status, and the worker's memory, as Markdown."""
    columns = sorted({status for _, status in statuses})
    kinds = sorted({kind for kind, _ in statuses})
    rows = [(kind, *(statuses[kind, status] for status in columns)) for kind in kinds]
    return (
        f"{table(('body', *map(str, columns)), rows)}\n{statuses.total():,} bodies; "
        f"workers that died: {died}; the worker's memory in MiB, before and after each tenth: "
        f"{', '.join(f'{mib:.0f}' for mib in memory_mib)}.\n"
    )


def _flipped(chance: random.Random) -> tuple[bytes, str]:
    damaged = bytearray(chance.choice(_FILES))
    # Often in the header, where sizes and tables are.
    reach = len(damaged) if chance.random() < 0.5 else min(len(damaged), 200)
    for _ in range(chance.choice((1, 4, 32))):
        damaged[chance.randrange(reach)] = chance.randrange(256)
    return bytes(damaged), "image/jpeg"


def _cut(chance: random.Random) -> tuple[bytes, str]:
    file = chance.choice(_FILES)
    return file[: chance.randrange(len(file))], "image/jpeg"


def _spliced(chance: random.Random) -> tuple[bytes, str]:
    first, second = chance.choice(_FILES), chance.choice(_FILES)
    return first[: chance.randrange(len(first))] + second[chance.randrange(len(second)) :], "x/y"


def _noise(chance: random.Random) -> tuple[bytes, str]:
    return chance.randbytes(chance.choice((0, 1, 7, 300, 50_000))), chance.choice(_TYPES)


def _form(chance: random.Random) -> tuple[bytes, str]:
    return _noise(chance)[0], "application/x-www-form-urlencoded"


def _any_json(chance: random.Random) -> tuple[bytes, str]:
    return json.dumps(_request(chance)).encode(), _JSON


def _damaged_json(chance: random.Random) -> tuple[bytes, str]:
    text = bytearray(json.dumps(_request(chance)).encode())
    for _ in range(chance.choice((1, 3, 10))):
        place = chance.randrange(len(text))
        text[place : place + chance.randrange(3)] = chance.choice(
            (b"{", b"]", b'"', b"\\u0000", b"\\ud800", b"1e999", b"NaN", b"\xff", b"[" * 2000)
        )
    return bytes(text), chance.choice((_JSON, "application/octet-stream"))


def _request(chance: random.Random) -> Any:
    """Return something like a request of one of the protocols, with a wrong part or several."""
    image = base64.b64encode(_flipped(chance)[0]).decode()
    data = [chance.choice((image, _value(chance))) for _ in range(chance.randrange(4))]
    tensor = {"name": "image", "shape": [len(data)], "datatype": "BYTES", "data": data}
    whole = chance.choice(
        (
            {"images": chance.choice((image, _value(chance)))},
            {"instances": [chance.choice(({"b64": one}, _value(chance))) for one in data]},
            {"id": _value(chance), "inputs": [tensor]},
            {"inputs": [tensor | {chance.choice(list(tensor)): _value(chance)}]},
            {"instances": _value(chance), "inputs": _value(chance), "images": _value(chance)},
        )
    )
    return whole if chance.random() < 0.9 else [whole]


def _value(chance: random.Random) -> Any:
    return chance.choice(
        (None, True, -1, 1e308, "", "\ud800", "x" * 1000, [], {}, [[]], {"b64": 1}, [0] * 100)
    )


_MAKERS = {
    "image, bytes changed": _flipped,
    "image, cut off": _cut,
    "image, two spliced": _spliced,
    "noise": _noise,
    FORM: _form,
    "JSON, wrong values": _any_json,
    "JSON, damaged": _damaged_json,
}
