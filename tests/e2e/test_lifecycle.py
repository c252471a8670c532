"""Starting, scaling and stopping while clients keep sending requests."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests

from archive.members import SUMS, format_sums
from bench.lab.processes import at_work_in
from classifier.description import sha256_of_file
from classifier.reference import REFERENCE_NAMES, draw_png
from client.api.inference import InferenceClient
from client.api.metrics import MetricsClient
from client.commands import cli
from client.errors import RequestRejected
from server.ports import free_ports
from tests.e2e.served import ROOT, Served, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

PICTURE = draw_png(REFERENCE_NAMES[0])


def test_scaling_up_and_down_loses_no_request(served: Served) -> None:
    client = served.inference
    with ThreadPoolExecutor(max_workers=1) as pool:
        steps = pool.submit(
            lambda: [served.make("scale", f"WORKERS={n}", "ARGS=--force") for n in (2, 1)]
        )
        answered = 0
        while not steps.done() or answered < 20:
            assert client.predict(PICTURE).scores
            answered += 1
        assert len(steps.result()) == 2
    assert len(served.management.describe("flowers").workers) == 1


def test_scaling_waits_for_a_quiet_moment(served: Served) -> None:
    assert "2" in served.make("scale", "WORKERS=2")
    assert len(served.management.describe("flowers").workers) == 2
    assert "1" in served.make("scale", "WORKERS=1")
    assert len(served.management.describe("flowers").workers) == 1


def test_status_shows_workers_queue_and_version(served: Served) -> None:
    status = served.make("status")
    assert "flowers 1.0" in status
    assert "1 of 1 ready" in status
    assert "0 waiting" in status


def test_predict_classifies_files(served: Served, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(PICTURE)
    bad.write_bytes(b"no image")
    label = served.inference.predict(PICTURE).label
    assert label in served.make("predict", f"IMAGE={good}")
    mixed = served.make("predict", f"IMAGE={good} {bad}", expect=2)
    assert label in mixed
    assert "that are not an image" in mixed


def test_logs_hold_no_token(served: Served) -> None:
    served.inference.predict(PICTURE)
    for name in ("token", "key"):  # where it does not belong
        key = str(served.tokens.current("inference"))
        url = f"{served.url}/predictions/flowers"
        asked: dict[str, Any] = {"params": {name: key}, "timeout": 60}
        headers = {"Authorization": f"Bearer {key}"}
        assert requests.post(url, PICTURE, **asked).status_code == 401  # noqa: S113
        assert requests.post(url, PICTURE, headers=headers, **asked).status_code == 200  # noqa: S113
    logs = "".join(path.read_text(errors="replace") for path in (served.run_dir / "logs").iterdir())
    assert "POST /predictions/flowers" in logs
    assert "POST /predictions/flowers?... " in logs
    for kind in ("inference", "management"):
        assert str(served.tokens.current(kind)) not in logs
    assert "Backend received inference" not in logs
    assert "server.log" in served.make("logs")


def test_a_worker_that_is_killed_comes_back(served: Served) -> None:
    (worker,) = served.management.describe("flowers").workers
    os.kill(worker.pid, signal.SIGKILL)
    assert served.inference.predict(PICTURE).scores
    (successor,) = served.management.describe("flowers").workers
    assert successor.pid != worker.pid


def test_stop_waits_for_what_is_in_flight(own: Served) -> None:
    before = MetricsClient(own.metrics_url).traffic("flowers").arrived
    instances = [{"b64": base64.b64encode(PICTURE).decode()}] * 64
    headers = {"Authorization": f"Bearer {own.tokens.current('inference')}"}
    with ThreadPoolExecutor(max_workers=1) as pool:
        request = pool.submit(
            requests.post,
            f"{own.url}/predictions/flowers",
            json={"instances": instances},
            headers=headers,
            timeout=60,
        )
        while MetricsClient(own.metrics_url).traffic("flowers").arrived == before:
            assert not request.done()
        assert own.make("stop").strip() == f"stopped (port {own.port}, RUN_DIR={own.run_dir})"
        assert len(request.result().json()["predictions"]) == 64


def test_stop_ends_its_own_server_and_can_be_repeated(served: Served, own: Served) -> None:
    assert at_work_in(own.run_dir)
    assert own.make("stop").strip() == f"stopped (port {own.port}, RUN_DIR={own.run_dir})"
    assert not at_work_in(own.run_dir)
    assert not (own.run_dir / "key_file.json").exists()
    assert "no server is running" in own.make("stop")
    assert served.inference.predict(PICTURE).scores


def test_after_a_kill_serve_starts_again(own: Served) -> None:
    server = next(process for process in at_work_in(own.run_dir) if process.name() == "java")
    server.kill()
    psutil.wait_procs(at_work_in(own.run_dir), timeout=60)
    own.make("serve")
    assert own.inference.predict(PICTURE).scores


def test_a_second_server_on_the_same_ports_is_refused(served: Served, tmp_path: Path) -> None:
    second = served.beside(tmp_path, port=served.port)
    output = second.make("serve", expect=2)
    assert f"error: port {served.port} is taken by process" in output
    assert not at_work_in(second.run_dir)


def test_a_worker_that_crashes_at_start_is_named_and_nothing_is_left(
    archived: Served, tmp_path: Path
) -> None:
    with zipfile.ZipFile(archived.home / "store" / "flowers.mar") as archive:
        contents = {name: archive.read(name) for name in archive.namelist() if name != SUMS}
    contents["classifier/labels.py"] = b"import no_such_module\n"
    contents[SUMS] = format_sums(contents)
    mar = tmp_path / "flowers.mar"
    with zipfile.ZipFile(mar, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    (tmp_path / "flowers.mar.sha256").write_text(f"{sha256_of_file(mar)}  flowers.mar\n")

    broken = Served(tmp_path, free_ports())
    process = subprocess.run(
        [
            *(sys.executable, "-m", "server", "start", str(mar)),
            *("--port", str(broken.port), "--run-dir", str(broken.run_dir)),
        ],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    *progress, last = process.stderr.splitlines()
    assert all(line.startswith(f"starting {mar}") for line in progress)
    assert last == (
        "error: the model does not load: ModuleNotFoundError: No module named 'no_such_module'"
    )
    assert not at_work_in(broken.run_dir)


def test_models_are_registered_and_removed_where_that_is_switched_on(own: Served) -> None:
    management = own.management
    management.register("flowers.mar", model_name="second", initial_workers=1)
    assert {entry.name for entry in management.list_models()} == {"flowers", "second"}
    management.set_default("second", "1.0")
    second = InferenceClient(own.url, "second", tokens=own.tokens)
    assert second.predict(PICTURE) == own.inference.predict(PICTURE)
    management.unregister("second")
    assert {entry.name for entry in management.list_models()} == {"flowers"}
    with pytest.raises(RequestRejected):
        management.register("http://127.0.0.1:1/other.mar", model_name="other")
    with pytest.raises(RequestRejected):
        management.register("../outside.mar", model_name="other")


def test_only_verified_archives_are_registered_whatever_the_api_is_told(
    own: Served, tmp_path: Path
) -> None:
    store, archives = (own.home / "store").resolve(), own.run_dir / "tmp/archives"
    outside, unverified = tmp_path / "outside.mar", store / "unverified.mar"
    for path in (outside, unverified):
        shutil.copyfile(store / "flowers.mar", path)
    try:
        for url in (
            *(f"file://{outside}", "file:///etc/passwd", f"file://{store}/flowers.mar"),
            f"file://{archives.resolve()}/%2e%2e/%2e%2e/%2e%2e/outside.mar",
            *(str(outside), "unverified.mar", "../../../outside.mar", "%2e%2e/outside.mar"),
        ):
            with pytest.raises(RequestRejected):
                own.management.register(url, model_name="other")
        assert [path.name for path in archives.iterdir()] == ["flowers.mar"]
        assert {entry.name for entry in own.management.list_models()} == {"flowers"}
        at = [f"--port={own.port}", f"--run-dir={own.run_dir}"]
        assert cli.main(["register", "unverified.mar", "--name", "other", *at]) == 1
        assert [path.name for path in archives.iterdir()] == ["flowers.mar"]
    finally:
        unverified.unlink()
