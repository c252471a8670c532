"""The pod's containers without an engine: their exact commands, in the image's folder."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import requests

from classifier.reference import REFERENCE_NAMES, draw_png
from server.ports import HOST, free_ports
from tests.deploy.image import fill
from tests.deploy.rendered import containers
from tests.e2e.served import clean_environment
from tests.e2e.test_old_clients import NGINX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

PICTURE = draw_png(REFERENCE_NAMES[0])
KEY = {"Authorization": f"Bearer {'k' * 40}"}
PATIENCE_S = 300


@dataclass(frozen=True)
class Pod:
    """Processes that stand for the containers.

    Attributes:
        home: Holds what would be the image, the volumes, and the supervisor's socket.
        server_port: Of TorchServe, on loopback.
        port: Of the gateway; its metrics are on the next one.
    """

    home: Path
    server_port: int
    port: int

    @property
    def url(self) -> str:
        """What clients are given."""
        return f"http://{HOST}:{self.port}"

    def command(self, words: list[str]) -> list[str]:
        """Put this machine's places into a container's command."""
        if words[0] == "python":
            words = words[2:]
        places = {"/run/marigold": str(self.home / "run"), "/etc/marigold": str(self.home)}
        for name, place in places.items():
            words = [word.replace(name, place) for word in words]
        ports = {
            ("server", "start"): ["--port", str(self.server_port)],
            ("server.gateway", "--clients"): [
                *("--address", HOST, "--port", str(self.port)),
                *("--metrics-port", str(self.port + 1), "--server-port", str(self.server_port)),
            ],
        }
        return [sys.executable, "-m", *words, *ports.get((words[0], words[1]), [])]

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a container of the pod."""
        with (self.home / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                self.command(containers("local")[name]["args"]),
                cwd=self.home / "image",
                env=clean_environment() | {"NOTIFY_SOCKET": str(self.home / "notify")},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def probe(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run one of the server's probes."""
        words = [*containers("local")["server"][name]["exec"]["command"], "--timeout-s", "60"]
        return subprocess.run(
            self.command(words),
            cwd=self.home / "image",
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self, name: str) -> str:
        """What a container has said."""
        return (self.home / f"{name}.log").read_text(errors="replace")

    def predict(self, body: bytes = PICTURE, headers: dict[str, str] = KEY) -> requests.Response:
        """Ask as a client does."""
        return requests.post(
            f"{self.url}/predictions/flowers", data=body, headers=headers, timeout=60
        )


@pytest.fixture
def pod(archived: Served, tmp_path: Path) -> Pod:
    """The image's folder with the tests' archive, and a client's key."""
    if NGINX is None:
        pytest.skip("no nginx here: apt-get install nginx")
    pod = Pod(tmp_path, free_ports(), free_ports())
    fill(tmp_path / "image")
    (tmp_path / "image" / "model-store").symlink_to(archived.home / "store")
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "shop").write_text("k" * 40)
    (tmp_path / "run").mkdir()
    return pod


@contextlib.contextmanager
def ended(*processes: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave nothing behind, whatever happens; a server's own children end with its SIGTERM."""
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
            process.wait(PATIENCE_S)


def test_a_pod_from_its_first_probe_to_its_last_request(pod: Pod) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(pod.home / "notify"))
        supervisor.settimeout(PATIENCE_S)
        assert "no server is running" in pod.probe("startupProbe").stderr
        server, gateway = pod.start("server"), pod.start("gateway")
        with ended(gateway, server):
            assert supervisor.recv(100) == b"READY=1", pod.log("server")
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert pod.probe(name).returncode == 0, name
            _wait_until_open(pod, gateway)
            _ask_everything(pod)
            _end_under_load(pod, gateway, server)
            assert supervisor.recv(100) == b"STOPPING=1"
    assert "POST /predictions/flowers" in pod.log("server")
    assert '"client":"shop"' in pod.log("gateway")
    assert "k" * 40 not in pod.log("gateway") + pod.log("server")


def _wait_until_open(pod: Pod, gateway: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        assert gateway.poll() is None, pod.log("gateway")
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"{pod.url}/ping", timeout=60).status_code == 200:
                return
    raise AssertionError(pod.log("gateway"))


def _ask_everything(pod: Pod) -> None:
    assert pod.predict().status_code == 200
    assert requests.put(
        f"{pod.url}/predictions/flowers", data=PICTURE, headers=KEY, timeout=60
    ).json()
    refused = pod.predict(b"no image")
    assert (refused.status_code, refused.json()["type"]) == (400, "InvalidImage")
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "k" * 40}):
        reply = pod.predict(headers=headers)
        assert (reply.status_code, reply.json()["type"]) == (401, "Unauthorized")
    large = pod.predict(bytes(33 * 2**20))
    assert (large.status_code, large.json()["type"]) == (413, "TooLarge")
    for path in ("/models", "/metrics", "/", "/predictions"):
        assert requests.get(pod.url + path, headers=KEY, timeout=60).status_code == 404
    assert requests.get(f"{pod.url}/predictions/flowers", timeout=60).status_code == 401
    assert (
        requests.get(f"{pod.url}/predictions/flowers", headers=KEY, timeout=60).status_code == 405
    )
    metrics = f"http://{HOST}:{pod.port + 1}"
    assert "ts_queue_latency_microseconds_count" in requests.get(f"{metrics}/metrics").text  # noqa: S113
    assert requests.post(f"{metrics}/predictions/flowers", timeout=60).status_code == 404


def _end_under_load(
    pod: Pod, gateway: subprocess.Popen[bytes], server: subprocess.Popen[bytes]
) -> None:
    """End the containers as Kubernetes does; whoever was let in gets an answer."""
    told, statuses = threading.Event(), []

    def ask() -> None:
        while True:
            try:
                statuses.append(pod.predict().status_code)
            except requests.ConnectionError:
                # Refused, or closed while idle, which a Service's clients see of no pod that is
                # going: nobody is sent there any more after the ten seconds of preStop.
                if told.is_set():
                    return
                raise

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        while len(statuses) < 10:
            assert not any(future.done() for future in asking)
        told.set()
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(PATIENCE_S) == 0
        for future in asking:
            future.result()
    assert set(statuses) == {200}
    server.send_signal(signal.SIGTERM)
    assert server.wait(PATIENCE_S) == 0, pod.log("server")
    assert not (pod.home / "run" / "server" / "key_file.json").exists()
