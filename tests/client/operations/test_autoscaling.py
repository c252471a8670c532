"""The loop: it measures, logs and scales, and survives a server that is down for a while."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from client.api.management import ManagementClient
from client.api.metrics import MetricsClient
from client.errors import ServerBusy
from client.operations.autoscale_policy import Policy
from client.operations.autoscaling import Autoscaler, run
from tests.client import replies
from tests.client.fakes import URL, FakeTime, Script, reply, scripted_transport

if TYPE_CHECKING:
    import requests

POLICY = Policy(min_workers=1, max_workers=4, target_queue_ms=50.0, calm_intervals=2)


def page(answered: int, queued_s: float) -> requests.Response:
    """A page of metrics; times add up since the server started."""
    queued = f'ts_queue_latency_microseconds_sum{{model_name="flowers",}} {queued_s * 1e6}\n'
    return reply(200, replies.metrics_page(answered, answered) + queued)


@dataclass
class Loop:
    """An autoscaler over scripted answers; `scaled` and `said` hold what it did."""

    pages: list[requests.Response]
    workers: int = 2
    busy: bool = False
    dry: bool = False
    scaled: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def scale(self, workers: int) -> str:
        """Scale, unless it is told to be busy."""
        if self.busy:
            raise ServerBusy("no quiet moment")
        self.scaled.append(workers)
        return "scaled"

    def steps(self, number: int) -> None:
        """Step so many times, 5 s apart."""
        described = Script(reply(200, [replies.description(self.workers)]))
        autoscaler = Autoscaler(
            ManagementClient(transport=scripted_transport(described)),
            MetricsClient(URL, Script(*self.pages).session()),
            "flowers",
            POLICY,
            scale=None if self.dry else self.scale,
            say=self.said.append,
        )
        time, left = FakeTime(), iter([True] * number + [False])
        run(autoscaler, 5.0, clock=time, goes_on=lambda: next(left))
        assert time.now == 5.0 * number


def test_a_long_wait_adds_a_worker_and_says_why() -> None:
    loop = Loop([page(100, 1.0), page(200, 9.0)])
    loop.steps(2)

    assert loop.scaled == [3]
    assert loop.said == [
        (
            "flowers: from 2 to 3 workers: queue 80.0 ms over 100 answers, 0 waiting: "
            "above the target of 50 ms"
        ),
        "scaled",
    ]


def test_what_was_waiting_for_a_change_does_not_count_after_it() -> None:
    # the third page is read after the change, and is what the next interval starts from
    loop = Loop([page(100, 1.0), page(200, 9.0), page(300, 30.0), page(400, 30.2)])
    loop.steps(3)

    assert loop.scaled == [3]
    assert "queue 2.0 ms over 100 answers" in loop.said[-1]


def test_calm_takes_a_worker_away_and_is_told_once() -> None:
    loop = Loop([page(100, 1.0), page(200, 1.1), page(300, 1.2)])
    loop.steps(3)

    assert loop.scaled == [1]
    assert [words.partition(": ")[0] for words in loop.said] == ["flowers", "flowers", "scaled"]


def test_a_time_without_requests_is_told() -> None:
    loop = Loop([page(100, 1.0)])
    loop.steps(2)

    assert loop.said == [
        "flowers: 2 workers, no answers, 0 waiting: below 25 ms for 1 intervals of 2"
    ]


def test_a_dry_run_changes_nothing() -> None:
    loop = Loop([page(100, 1.0), page(200, 9.0)], dry=True)
    loop.steps(2)

    assert loop.scaled == []
    assert loop.said[0].startswith("flowers: would go from 2 to 3 workers: ")


def test_a_server_that_is_away_is_told_once_and_measured_anew() -> None:
    away = reply(503, replies.OVERLOADED)
    loop = Loop([page(100, 1.0), away, away, page(900, 90.0), page(1000, 91.0)])
    loop.steps(5)

    assert loop.scaled == []
    assert loop.said[0].startswith("flowers: Model ")
    assert "queue 10.0 ms over 100 answers" in loop.said[1]


def test_counts_that_start_anew_are_no_sample() -> None:
    loop = Loop([page(1000, 100.0), page(10, 9.0), page(110, 9.1)])
    loop.steps(3)

    assert loop.scaled == []
    assert len(loop.said) == 1


def test_a_worker_that_cannot_be_taken_away_is_told() -> None:
    loop = Loop([page(100, 1.0), page(200, 1.1), page(300, 1.2)], busy=True)
    loop.steps(3)

    assert loop.said[-1] == "flowers: no quiet moment"
