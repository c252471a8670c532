"""The handler's counters, through TorchServe's own metrics cache."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

import resnet_handler
from classifier.errors import InternalError
from classifier.protocols import kserve_v1
from classifier.reference import draw_png
from tests.bodies import v1
from tests.handler.asking import CONFIG, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from classifier.meter import Increment, Meter

pytestmark = [  # TorchServe leaves the file open
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

METRICS_YAML = Path(__file__).parents[2] / "config" / "metrics.yaml"
ROSE = draw_png("red-rose")
# TorchServe's own pattern (org.pytorch.serve.metrics.Metric), beyond the mark of a metric.
LINE = re.compile(
    r"\[METRICS\]([\w\s]+)\.([\w\s]+):([0-9\-,.e]+)\|#([^|]*)\|#type:([^|,]+)\|#hostname:([^,]+),"
    r"([^,]+)(,(.*))?"
)


class Counting:
    """A loaded handler whose counts are published when the test says so."""

    def __init__(self, build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.publish: Callable[[], None] = lambda: None

        def keep(meter: Meter, publish: Callable[[list[Increment]], None]) -> None:
            self.publish = lambda: publish(meter.take())

        monkeypatch.setattr(resnet_handler, "report_regularly", keep)
        cache = MetricsCacheYamlImpl(str(METRICS_YAML))
        cache.initialize_cache()
        self.worker = Worker(build, CONFIG, metrics=cache)


def shown(caplog: pytest.LogCaptureFixture) -> dict[tuple[str, str], float]:
    """Read the lines as the server does; values by name and by the metric's own label."""
    added: defaultdict[tuple[str, str], float] = defaultdict(float)
    for message in caplog.messages:
        if message.startswith("[METRICS]"):
            match = LINE.fullmatch(message)
            assert match, message
            labels = dict(pair.split(":") for pair in match[4].split(","))
            assert labels.pop("model_name") == "flowers"
            assert labels.pop("model_version") == "1.5"
            added[match[1], ",".join(labels.values())] += float(match[3])
    return added


def test_requests_predictions_and_errors_are_counted(
    torch_build: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        counting = Counting(torch_build, monkeypatch)
        before = shown(caplog)
        label = next(iter(counting.worker.ask_one({"body": ROSE}).json))
        counting.worker.ask([{"body": v1(ROSE, ROSE)}, {"body": b"%PDF-1.7"}, {"body": b""}])
        counting.publish()
    after = shown(caplog)
    assert before["marigold_predictions_total", label] == 0  # it is there before it counts
    assert after["marigold_requests_total", "200"] == 2
    assert after["marigold_requests_total", "415"] == after["marigold_requests_total", "400"] == 1
    assert after["marigold_errors_total", "UnsupportedFormat"] == 1
    assert after["marigold_errors_total", "InvalidImage"] == 1
    assert after["marigold_predictions_total", label] == 3
    assert 0 < after["marigold_class_confidence_total", label] <= 3
    assert after["marigold_confidence_bucket", "+Inf"] == 3
    assert after["marigold_batch_requests_sum", ""] == 4
    assert after["marigold_batch_requests_bucket", "1.0"] == 1
    for stage, count in (("handle", 4), ("decode", 2), ("inference", 2)):
        assert after[f"marigold_{stage}_seconds_count", ""] == count
        assert after[f"marigold_{stage}_seconds_sum", ""] > 0
    weights = counting.worker.handler._model.description.weights_sha256  # noqa: SLF001
    assert after["marigold_model_info", f"{weights},torch-fp32"] == 1


def test_warming_up_is_no_request(
    torch_build: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        Counting(torch_build, monkeypatch).publish()
    assert not [value for (name, _), value in shown(caplog).items() if value and "info" not in name]


def test_without_our_metrics_yaml_the_model_is_served_all_the_same(
    torch_build: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "metrics.yaml"
    other.write_text("model_metrics:\n  gauge:\n    - {name: X, unit: ms, dimensions: []}\n")
    cache = MetricsCacheYamlImpl(str(other))
    cache.initialize_cache()
    worker = Worker(torch_build, CONFIG, metrics=cache)
    assert "this model's metrics are not published" in caplog.text
    assert worker.ask_one({"body": ROSE}).status == 200


@pytest.mark.parametrize("is_listed", [True, False])
def test_lines_for_each_batch_that_nobody_reads_are_not_written(
    torch_build: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    is_listed: bool,
) -> None:
    for name in (None, "ts.metrics.caching_metric"):
        monkeypatch.setattr(logging.getLogger(name), "filters", [])
    path = METRICS_YAML
    if is_listed:  # as in TorchServe's own file
        path = tmp_path / "metrics.yaml"
        gauge = "{name: PredictionTime, unit: ms, dimensions: [Level]}"
        path.write_text(f"model_metrics:\n  gauge:\n    - {gauge}\n")
    cache = MetricsCacheYamlImpl(str(path))
    cache.initialize_cache()
    Worker(torch_build, CONFIG, metrics=cache)
    with caplog.at_level(logging.INFO):  # as otf_message_handler and Service.predict do
        logging.info("Backend received inference at: %d", 1)  # noqa: LOG015
        logging.info("model_name: %s, batchSize: %d", "flowers", 16)  # noqa: LOG015
        cache.add_time("PredictionTime", 9.5)
        cache.add_counter("Other", 1)
    metrics = [line.partition(".")[0] for line in caplog.messages if "[METRICS]" in line]
    times = ["[METRICS]PredictionTime"] if is_listed else []
    assert metrics == [*times, "[METRICS]Other"]
    assert "Backend received" not in caplog.text
    assert "batchSize: 16" in caplog.text


NAMES = (
    *("a b", "a_b", "a:b", "a,b", "a|b", "a#b", "a%b", "a%3Ab", "a\nb", "a\u2028b", "a\xa0b"),
    *("", " a", "é", "雏菊", "\ud800", "#é\n"),
)


def test_class_names_stay_apart_and_can_be_read_in_a_line_of_metrics() -> None:
    dimension = resnet_handler._dimension  # noqa: SLF001
    written = [dimension(name) for name in NAMES]
    assert len(set(written)) == len(NAMES)
    assert [unquote(name, errors="surrogatepass") for name in written] == list(NAMES)
    for name in written:
        line = f"[METRICS]a.b:1|#class:{name}|#type:COUNTER|#hostname:h,1"
        match = LINE.fullmatch(line)
        assert match
        assert match[4].split(":") == ["class", name]
        assert line.splitlines() == [line]
    assert dimension("a: b, c|d #é") == "a%3A b%2C c%7Cd %23é"
    assert dimension("雏菊") == "雏菊"


def test_a_bug_is_told_by_a_request_id_and_nothing_else(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(kserve_v1, "read_images", fail)
    reply = worker.ask_one({"body": v1(ROSE)})
    assert (reply.status, reply.json["error"]) == (500, str(InternalError("id-0")))
    assert "secret" not in str(reply.body)
    (record,) = caplog.records
    assert record.getMessage() == "request id-0 was answered with 500 InternalError"
    assert "/secret/path" in caplog.text


def test_refusals_are_logged_by_id_and_kind_without_what_was_sent(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        worker.ask([{"body": b"GIFTwords"}, {"body": b"%PDF-1.7"}])
    assert caplog.messages == [
        "request id-0 was answered with 400 InvalidImage",
        "request id-1 was answered with 415 UnsupportedFormat",
    ]
