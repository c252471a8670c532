"""The real Prometheus scrapes the real server, with the rules loaded."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml

from classifier.reference import REFERENCE_NAMES, draw_png
from client.errors import RequestRejected
from server.ports import HOST, free_ports
from tests.config.monitoring.test_rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

PICTURE = draw_png(REFERENCE_NAMES[0])
PATIENCE_S = 120


@pytest.fixture(scope="module")
def ask(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """A Prometheus that scrapes the shared server each second; asks it a question."""
    if shutil.which("prometheus") is None:
        pytest.skip("no Prometheus here: apt-get install prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    config = folder / "prometheus.yml"
    target = served.metrics_url.removeprefix("http://")
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(RULES)],
                "scrape_configs": [
                    {"job_name": "marigold", "static_configs": [{"targets": [target]}]}
                ],
            }
        )
    )
    address = f"{HOST}:{free_ports()}"
    with (
        (folder / "prometheus.log").open("wb") as log,
        subprocess.Popen(
            [
                *("prometheus", f"--config.file={config}", f"--web.listen-address={address}"),
                f"--storage.tsdb.path={folder / 'data'}",
            ],
            stdout=log,
            stderr=log,
        ) as process,
    ):

        def query(expression: str) -> Any:
            reply = requests.get(
                f"http://{address}/api/v1/query", params={"query": expression}, timeout=30
            )
            if reply.status_code == 503:  # it listens, and is still starting
                return []
            assert reply.status_code == 200, reply.text
            return reply.json()["data"]["result"]

        try:
            yield query
        finally:
            process.terminate()


def wait_for(ask: Callable[[str], Any], expression: str, value: float) -> dict[str, str]:
    """Wait until a question has one answer of at least a value; return its labels."""
    end = time.monotonic() + PATIENCE_S
    found: Any = None
    while time.monotonic() < end:
        try:
            found = ask(expression)
        except requests.ConnectionError:  # it is still starting
            found = None
        if found and float(found[0]["value"][1]) >= value:
            labels: dict[str, str] = found[0]["metric"]
            return labels
        time.sleep(0.2)
    raise AssertionError(f"{expression}: {json.dumps(found)} after {PATIENCE_S} s")


def test_prometheus_sees_what_the_server_did(served: Served, ask: Callable[[str], Any]) -> None:
    wait_for(ask, 'up{job="marigold"}', 1)
    ok = 'sum(marigold_requests_total{status="200"})'
    wait_for(ask, f"{ok} or vector(0)", 0)
    label = served.inference.predict(PICTURE).label
    for _ in range(9):
        served.inference.predict(PICTURE)
    with pytest.raises(RequestRejected):
        served.inference.predict(b"no image")
    wait_for(ask, f'sum(marigold_predictions_total{{class="{label}"}})', 10)
    wait_for(ask, 'sum(marigold_errors_total{kind="InvalidImage"})', 1)
    wait_for(ask, 'sum(marigold_handle_seconds_bucket{le="+Inf"})', 11)
    info = wait_for(ask, "marigold_model_info", 1)
    assert (info["model_name"], info["model_version"]) == ("flowers", "1.0")
    assert info["weights_sha256"] == str(
        served.management.describe("flowers", customized=True).metadata["weights_sha256"]
    )
    # The buckets are histograms to Prometheus, and the server's own milliseconds are in range.
    quantile = "histogram_quantile(0.5, sum by (le) (marigold_handle_seconds_bucket))"
    wait_for(ask, f"{quantile} > 0 < 10", 0)
    wait_for(ask, 'sum(QueueTime_bucket{le="10.0"})', 1)
    wait_for(ask, "marigold:queue_seconds:mean1m", 0)
    assert not ask('ALERTS{alertname="MarigoldDown"}')
