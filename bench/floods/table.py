"""The table of docs/operations.md: what came of each flood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = (
    *("flood", "sent to", "answers", "the bystander alone, photos/s", "beside the flood"),
    *("Java at most, MB", "front at most, MB", "afterwards"),
)


def markdown(figures: Mapping[str, Any]) -> str:
    """Write the table, and on what it was measured."""
    about = figures["machine"]
    rows = [_row(result) for result in figures["results"]]
    return (
        f"{about['cores']} cores of an {about['cpu']}, {figures['date']}, revision "
        f"`{figures['revision']}`.\n"
        f"Each flood comes at once, and again as soon as it is answered, for "
        f"{figures['seconds']:.0f} s; the bystander is {figures['clients']} clients with small "
        f"photos.\n\n{table(_HEADER, rows, numbers=False)}"
    )


def _row(result: Mapping[str, Any]) -> tuple[str, ...]:
    outcomes = sorted(result["outcomes"].items())
    memory = result["memory_mb"]
    return (
        result["title"],
        result["to"],
        ", ".join(f"{count} x {outcome}" for outcome, count in outcomes),
        f"{result['alone']:.1f}",
        "not served" if result["beside"] is None else f"{result['beside']:.1f}",
        f"{memory.get('java', 0):.0f}",
        f"{memory.get('caddy', 0):.0f}",
        "answers" if result["alive"] else "gone",
    )
