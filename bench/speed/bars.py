"""The project's performance bars, and whether a run meets them.

Ratios are computed within each round; the median decides. How much int8 gains depends on the
processor's instructions, and so do some of the bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.lab.figures import Spread, spread
from bench.lab.machine import int8_kind
from bench.lab.plan import LIMIT, LONE, OURS, SECOND, STOCK
from bench.speed.summary import WORKER, compared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.speed.summary import Summary

_INT8_PEERS = ("litserve", "bentoml", "ray", "mlserver")
_LARGE = "12 MP"
# By the processor's int8 instructions: AVX2 alone, VNNI, AMX.
_BARS: dict[str, dict[str, float]] = {
    "throughput": {"AVX2": 6, "VNNI": 9, "AMX": 20},
    "throughput of the second": {"AVX2": 13, "VNNI": 16, "AMX": 25},
    "limit": {"AVX2": 0.9, "VNNI": 0.85, "AMX": 0.8},
    "latency": {"AVX2": 1 / 4, "VNNI": 1 / 5, "AMX": 1 / 8},
    "latency of the second": {"AVX2": 1 / 7, "VNNI": 1 / 8, "AMX": 1 / 10},
    "large photos": {"AVX2": 5, "VNNI": 6, "AMX": 6},
}


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        what: What is compared.
        required: The required value.
        found: The measured value; None if this run did not measure it.
        met: Whether it is met.
    """

    what: str
    required: str
    found: str | None
    met: bool


def bars(summary: Summary) -> list[Bar]:
    """Hold a run against all bars."""
    kind = int8_kind(summary.steps["about"]["machine"]["instructions"])
    required = {name: by_kind[kind] for name, by_kind in _BARS.items()}
    at = f"throughput at {summary.main_clients} clients"
    lone = "median latency of one client / stock handler at batch 1"
    ours, second = summary.throughput(OURS), summary.throughput(SECOND)
    stock, waits = summary.throughput(STOCK), summary.latency(LONE, 1)
    found = [
        _at_least(f"{at} / stock handler", ours, stock, required["throughput"]),
        _at_least(
            f"{at}, second archive / stock handler",
            second,
            stock,
            required["throughput of the second"],
        ),
    ]
    found += [
        _ratio(f"{at} / {peer}", ours, summary.throughput(peer), "above 1", lambda r: r > 1)
        for peer in _INT8_PEERS
    ]
    found += [
        _ratio(
            f"{at} / FastAPI by hand",
            ours,
            summary.throughput("fastapi"),
            "above 1",
            lambda r: r > 1,
        ),
        _at_least(f"{at} / in-process limit", ours, summary.throughput(LIMIT), required["limit"]),
        _at_most(lone, summary.latency(OURS, 1), waits, required["latency"]),
        _at_most(
            f"{lone}, second archive",
            summary.latency(SECOND, 1),
            waits,
            required["latency of the second"],
        ),
        _large_photos(summary, required["large photos"]),
        _below("start to first answer / stock handler", summary.start_s),
        _below("memory of a worker / stock handler", _worker_memory(summary)),
        _below("memory of all processes / stock handler", summary.memory_mb),
        _mar_size(summary),
    ]
    return found + _accuracy(summary)


def _ratio(
    what: str,
    ours: Mapping[int, float],
    theirs: Mapping[int, float],
    required: str,
    meets: Callable[[float], bool],
) -> Bar:
    ratio = compared(ours, theirs)
    if ratio is None:
        return Bar(what, required, None, met=False)
    return Bar(what, required, told(ratio), meets(ratio.median))


def _at_least(
    what: str, ours: Mapping[int, float], theirs: Mapping[int, float], least: float
) -> Bar:
    return _ratio(what, ours, theirs, f"at least {least:g}", lambda r: r >= least)


def _at_most(what: str, ours: Mapping[int, float], theirs: Mapping[int, float], most: float) -> Bar:
    return _ratio(what, ours, theirs, f"at most {most:.3g}", lambda r: r <= most)


def _below(what: str, figure: Callable[[str], Mapping[int, float]]) -> Bar:
    return _ratio(what, figure(OURS), figure(STOCK), "below 1", lambda r: r < 1)


def _worker_memory(summary: Summary) -> Callable[[str], Mapping[int, float]]:
    return lambda server: summary.memory_mb(server, WORKER)


def _large_photos(summary: Summary, least: float) -> Bar:
    rounds = summary.steps.get("sizes", {}).get(_LARGE, {OURS: [], STOCK: []})
    ours, theirs = (dict(enumerate(rounds[name])) for name in (OURS, STOCK))
    return _at_least("throughput with 12-megapixel photos / stock handler", ours, theirs, least)


def _mar_size(summary: Summary) -> Bar:
    what, required = "size of the .mar / stock handler", "below 1"
    theirs = summary.steps.get("stock_mar_bytes")
    if theirs is None:
        return Bar(what, required, None, met=False)
    ratio = summary.steps["about"]["model"]["mar_bytes"] / theirs
    return Bar(what, required, f"{ratio:.2f}", ratio < 1)


def _accuracy(summary: Summary) -> list[Bar]:
    loss, same = "accuracy lost against float32, in points", "same class as without a server"
    figures = summary.steps.get("accuracy")
    if figures is None:
        return [Bar(loss, "at most 0.5", None, met=False), Bar(same, "all photos", None, met=False)]
    points = 100 * (figures["fp32_accuracy"] - figures["accuracy"])
    share = figures["agreement_without_server"]
    return [
        Bar(loss, "at most 0.5", f"{points:.2f}", points <= 0.5 + 1e-9),
        Bar(same, "all photos", f"{share:.1%}", share == 1),
    ]


def told(figure: Spread, digits: int | None = None) -> str:
    """Write a median with its spread; one number if there was one round."""
    text = [_number(value, digits) for value in (figure.median, figure.least, figure.most)]
    return text[0] if figure.least == figure.most else f"{text[0]} ({text[1]} to {text[2]})"


def told_rounds(rounds: Mapping[int, float], digits: int | None = None) -> str:
    """Write the rounds of one figure; a dash if there are none."""
    return told(spread(list(rounds.values())), digits) if rounds else "-"


def _number(value: float, digits: int | None) -> str:
    if digits is None:  # three significant figures
        digits = 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004
    return f"{value:,.{digits}f}"
