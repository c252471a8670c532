"""Shows how long the answers took, and where the time went.

`ui.asking` measures it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.errors import ClientError
from ui.markup import render
from ui.texts import say

if TYPE_CHECKING:
    from ui.asking import Answer


def timing_html(answer: Answer, language: str) -> str:
    """Show one request as a bar of its parts, many as a rate, both with the server's means.

    Empty if no photo was classified: there is nothing to time, and the error says the rest.
    """
    if all(isinstance(outcome.result, ClientError) for outcome in answer.outcomes):
        return ""
    spent, count = answer.spent, len(answer.outcomes)
    if spent is None:
        reason = answer.silence or say(language, "time.no_count")
        parts, note = [], say(language, "time.no_split", reason=reason)
    else:
        parts = _parts(answer.seconds if count == 1 else None, spent.total_s, spent.queued_s)
        parts = [(key, 1000 * seconds / spent.answered) for key, seconds in parts]
        note = say(language, "time.mean", count=spent.answered)
    return render("timing", language, headline=_headline(answer, language), parts=parts, note=note)


def _parts(round_trip_s: float | None, total_s: float, queued_s: float) -> list[tuple[str, float]]:
    parts = [("queue", queued_s), ("work", max(total_s - queued_s, 0.0))]
    if round_trip_s is not None:
        # Other clients' requests can make the server's mean longer than our own time.
        parts.append(("way", max(round_trip_s - total_s, 0.0)))
    return parts


def _headline(answer: Answer, language: str) -> str:
    count = len(answer.outcomes)
    if count == 1:
        return say(language, "time.round_trip", ms=f"{1000 * answer.seconds:.0f}")
    rate = count / max(answer.seconds, 1e-9)
    seconds = f"{answer.seconds:.2f}"
    return say(language, "time.many", count=count, seconds=seconds, rate=f"{rate:.0f}")
