"""When a server is quiet, and that scaling down waits for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.api.management import ManagementClient
from client.api.metrics import MetricsClient, Traffic, read_traffic
from client.errors import InFlightUnknown, ServerBusy
from client.operations.idle import IdleWatch, Reading, wait_until_idle
from client.operations.scaling import scale_safely
from tests.client import replies
from tests.client.fakes import FakeTime, Script, reply, scripted_transport

if TYPE_CHECKING:
    import requests

METRICS_URL = "http://127.0.0.1:8082"


def reading(
    arrived: int, answered: int, failed: int = 0, *, queued: int = 0, at_s: float = 0.0
) -> Reading:
    return Reading(Traffic(arrived, answered, failed), queued, response_timeout_s=20, at_s=at_s)


def test_counts_are_read_for_one_model_or_for_all() -> None:
    text = replies.metrics_page(arrived=14, answered=9, failed=5)

    assert read_traffic(text, "flowers") == Traffic(arrived=14, answered=9, failed=5)
    assert read_traffic(text, "unknown") == Traffic(arrived=0, answered=0, failed=5)
    assert read_traffic(text, None) == Traffic(arrived=54, answered=48, failed=5)


@pytest.mark.parametrize(
    "text",
    [
        "",  # metrics_mode=log
        # the default metrics.yaml: a sum of latencies, no count
        replies.metrics_page(1, 1) + 'ts_inference_latency_microseconds{model_name="flowers",} 7.0',
    ],
)
def test_a_page_that_does_not_count_is_refused(text: str) -> None:
    with pytest.raises(InFlightUnknown):
        read_traffic(text, "flowers")


def test_nothing_unanswered_is_quiet_at_once() -> None:
    assert IdleWatch().is_quiet(reading(0, 0))
    assert IdleWatch().is_quiet(reading(7, 7, failed=3))


def test_a_queued_request_is_not_quiet() -> None:
    assert not IdleWatch().is_quiet(reading(7, 7, queued=1))


def test_past_failures_are_told_from_requests_in_work_after_a_while() -> None:
    watch = IdleWatch()

    assert not watch.is_quiet(reading(9, 5, failed=4, at_s=0.0))
    assert not watch.is_quiet(reading(9, 5, failed=4, at_s=1.9))
    assert watch.is_quiet(reading(9, 5, failed=4, at_s=2.0))


def test_past_failures_do_not_hide_a_pause_in_traffic() -> None:
    watch = IdleWatch()

    assert not watch.is_quiet(reading(9, 4, failed=4, at_s=0.0))  # one in work
    assert not watch.is_quiet(reading(10, 6, failed=4, at_s=1.0))  # none, but who knows
    assert not watch.is_quiet(reading(12, 7, failed=4, at_s=2.5))  # one in work
    assert watch.is_quiet(reading(12, 8, failed=4, at_s=2.6))


def test_a_failure_of_another_call_does_not_pass_for_a_request_in_work() -> None:
    watch = IdleWatch()

    assert not watch.is_quiet(reading(9, 5, failed=5, at_s=0.0))  # four of them predictions
    assert not watch.is_quiet(reading(10, 5, failed=5, at_s=2.5))  # one in work, not a fifth
    assert watch.is_quiet(reading(10, 6, failed=5, at_s=2.6))


def test_what_no_failure_explains_is_quiet_only_when_the_server_gave_it_up() -> None:
    watch = IdleWatch()

    assert not watch.is_quiet(reading(9, 8, at_s=0.0))
    assert not watch.is_quiet(reading(9, 8, at_s=19.0))
    assert watch.is_quiet(reading(9, 8, at_s=20.1))


@given(
    past_failures=st.integers(0, 3),
    events=st.lists(st.sampled_from(["arrive", "answer", "fail", "look"]), max_size=60),
)
def test_a_moment_called_quiet_is_quiet(past_failures: int, events: list[str]) -> None:
    """Law: where all failures are of predictions, quiet means that nothing is in work."""
    watch, in_work, time = IdleWatch(), 0, 0.0
    traffic = Traffic(arrived=past_failures, answered=0, failed=past_failures)
    for event in events:
        if event == "arrive":
            in_work += 1
            traffic = replace(traffic, arrived=traffic.arrived + 1)
        elif event == "look":
            time += 0.7
            look = Reading(traffic, queued=0, response_timeout_s=1e9, at_s=time)
            assert not (watch.is_quiet(look) and in_work)
        elif in_work:
            in_work -= 1
            name = "answered" if event == "answer" else "failed"
            traffic = replace(traffic, **{name: getattr(traffic, name) + 1})
    looks = [Reading(traffic, 0, 1e9, time + 0.7 * (number + 1)) for number in range(5)]
    assert in_work or any(watch.is_quiet(look) for look in looks)  # and it does come


class Server:
    """A management API and a metrics API, whose counts move on with every page of metrics."""

    def __init__(self, *pages: str, workers: int = 2) -> None:
        self.management_script = Script(reply(200, [replies.description(workers)]))
        self.metrics_script = Script(*(reply(200, page) for page in pages))
        self.management = ManagementClient(
            transport=scripted_transport(self.management_script, kind="management")
        )
        self.metrics = MetricsClient(METRICS_URL, self.metrics_script.session())
        self.time = FakeTime()

    def wait(self, deadline_s: float = 30.0) -> bool:
        """Wait for a quiet moment, on this server's time."""
        return wait_until_idle(
            self.management,
            METRICS_URL,
            "flowers",
            deadline_s,
            metrics=self.metrics,
            clock=self.time,
        )


def test_the_wait_ends_with_the_last_request() -> None:
    busy, quiet = replies.metrics_page(3, 2), replies.metrics_page(3, 3)
    server = Server(busy, busy, busy, busy, quiet)

    assert server.wait()
    assert len(server.metrics_script.sent) == 6


def test_counts_between_which_a_request_arrived_are_not_compared() -> None:
    # 3 and 3 look equal, but the fourth request came and is still in work
    server = Server(replies.metrics_page(3, 3), replies.metrics_page(4, 4))

    assert server.wait()
    assert len(server.metrics_script.sent) == 4


def test_the_wait_ends_at_its_deadline() -> None:
    server = Server(replies.metrics_page(3, 2))

    assert not server.wait(deadline_s=5.0)
    assert server.time.now == pytest.approx(5.0, abs=0.1)


def scaled(
    monkeypatch: pytest.MonkeyPatch, quiet: bool | Exception, workers: int, **options: Any
) -> list[str]:
    """Scale from two workers, with a stand-in for the wait; gives what was done."""
    done: list[str] = []

    def wait(*_: Any) -> bool:
        done.append("wait")
        if isinstance(quiet, Exception):
            raise quiet
        return quiet

    class Answers(Script):
        def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
            """Describe, or obey."""
            super().send(request, **kwargs)
            if request.method == "GET":
                return reply(200, [replies.description(workers=2)])
            done.append(request.path_url.partition("?")[2])
            return reply(200, {"status": "done"})

    def start(_: ManagementClient, model: str, workers: int) -> None:
        done.append(f"start {model} {workers}")

    monkeypatch.setattr("client.operations.scaling.wait_until_idle", wait)
    monkeypatch.setattr("client.operations.scaling.start_workers", start)
    management = ManagementClient(transport=scripted_transport(Answers(reply())))
    try:
        scale_safely(management, METRICS_URL, "flowers", workers, **options)
    finally:
        done.append("end")
    return done


def test_scaling_down_waits_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scaled(monkeypatch, quiet=True, workers=1) == [
        "wait",
        "min_worker=1&max_worker=1&synchronous=true",
        "end",
    ]


@pytest.mark.parametrize(("workers", "force"), [(2, False), (3, False), (1, True)])
def test_scaling_up_or_by_force_does_not_wait(
    monkeypatch: pytest.MonkeyPatch, workers: int, force: bool
) -> None:
    assert "wait" not in scaled(monkeypatch, quiet=False, workers=workers, force=force)


@pytest.mark.parametrize(
    ("quiet", "expected"), [(False, ServerBusy), (InFlightUnknown("no counts"), InFlightUnknown)]
)
def test_a_busy_server_is_left_alone_and_the_remedy_named(
    monkeypatch: pytest.MonkeyPatch, quiet: bool | Exception, expected: type[Exception]
) -> None:
    with pytest.raises(expected, match="--force"):
        scaled(monkeypatch, quiet=quiet, workers=1)
