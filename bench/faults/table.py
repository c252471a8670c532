"""Writes the table of docs/operations.md: what clients saw of each fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.faults.traffic import WELL
from console.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = (
    *("fault", "a plain client got", "our client failed", "with `outage_s`"),
    *("no answer for, s", "all well after, s", "left behind"),
)


def markdown(figures: Mapping[str, Any]) -> str:
    """Return the table, and what it was measured on."""
    about = figures["machine"]
    clients = figures["clients"]
    rows = [_row(result) for result in figures["results"].values()]
    rates = [result["rate"] for result in figures["results"].values()]
    left_out = "".join(
        f"Left out here, `{name}`: {reason}.\n" for name, reason in figures["left_out"].items()
    )
    return (
        f"{about['cores']} cores of an {about['cpu']}, {figures['date']}, revision "
        f"`{figures['revision']}`.\n"
        f"{clients['plain']} plain clients, {clients['ours']} of ours and {clients['patient']} "
        f"with `outage_s`, each asking again as soon as it has its answer; before the faults the "
        f"plain ones got {min(rates, default=0):.0f} to {max(rates, default=0):.0f} answers a "
        f"second.\n\n{table(_HEADER, rows, numbers=False)}{left_out}"
    )


def _row(result: Mapping[str, Any]) -> tuple[str, ...]:
    left = [*result["left"], *result["left_after_stop"]]
    return (
        result["title"],
        _counts(result["plain"]),
        _failures(result["ours"]),
        _failures(result["patient"]),
        f"{result['gap_s']:.1f}",
        f"{result['recovered_s']:.1f}",
        ", ".join(left) or "nothing",
    )


def _counts(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} x {outcome}" for outcome, count in sorted(outcomes.items()))


def _failures(outcomes: Mapping[str, int]) -> str:
    failed = {outcome: count for outcome, count in outcomes.items() if outcome != WELL}
    return f"{sum(failed.values())} of {sum(outcomes.values())}" + (
        f": {_counts(failed)}" if failed else ""
    )
