"""Response times read from the server's metrics."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from client.api.metrics import Times, read_times, read_traffic
from client.errors import InFlightUnknown

PAGE = """\
# TYPE ts_inference_latency_microseconds histogram
Requests2XX{Level="Host",Hostname="h",} 3.0
ts_inference_latency_microseconds_count{model_name="flowers",model_version="1.0",} 2.0
ts_inference_latency_microseconds_sum{model_name="flowers",model_version="1.0",} 30000.0
ts_inference_latency_microseconds_count{model_name="flowers",model_version="2.0",} 1.0
ts_inference_latency_microseconds_sum{model_name="flowers",model_version="2.0",} 6000.0
ts_inference_latency_microseconds_count{model_name="trees",model_version="1.0",} 9.0
ts_inference_latency_microseconds_sum{model_name="trees",model_version="1.0",} 9e6
ts_queue_latency_microseconds_count{model_name="flowers",model_version="1.0",} 2.0
ts_queue_latency_microseconds_sum{model_name="flowers",model_version="1.0",} 5000.0
"""


def test_the_times_are_those_of_all_versions_of_one_model_in_seconds() -> None:
    assert astuple(read_times(PAGE, "flowers")) == pytest.approx((3, 0.036, 0.005))


def test_a_difference_is_what_came_between() -> None:
    earlier = Times(answered=1, total_s=0.030, queued_s=0.004)
    assert astuple(read_times(PAGE, "flowers").since(earlier)) == pytest.approx((2, 0.006, 0.001))


def test_a_page_that_counts_no_answers_is_no_page_of_times() -> None:
    with pytest.raises(InFlightUnknown):
        read_times("", "flowers")


@pytest.mark.parametrize(
    ("flowers", "trees", "all_answers", "unanswered"),
    [
        (3, 9, 12, 0),  # over HTTP alone
        (7, 9, 16, 0),  # four over gRPC, which only the count of all models knows
        (7, 9, 15, 1),  # one of these is in progress
        (3, 11, 12, 0),  # another model's are
        (4, 9, 12, 1),
    ],
)
def test_answers_over_grpc_are_counted(
    flowers: int, trees: int, all_answers: int, unanswered: int
) -> None:
    page = PAGE + (
        f'ts_inference_requests_total{{model_name="flowers",}} {flowers}.0\n'
        f'ts_inference_requests_total{{model_name="trees",}} {trees}.0\n'
        f'QueueTime_count{{Level="Host",Hostname="h",}} {all_answers}.0\n'
    )
    traffic = read_traffic(page, "flowers")
    assert traffic.arrived - traffic.answered == unanswered
