"""A real front before a stand-in for TorchServe: who is let in, and what the others get."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import socket
import ssl
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import requests

from server.gateway import lanes as lanes_module
from server.gateway.caddy import Caddy
from server.gateway.configuration import Front, Secrets, Way, configuration
from server.gateway.errors import GatewayError
from server.gateway.lanes import SMALL_BYTES, Lanes, lanes_for
from server.ports import HOST, free_ports
from server.tls import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

KEY, OTHER = "Ab+c" * 10, "d" * 40
LARGEST = 3_000_000
MIB = 2**20
HEADERS = {"Authorization": f"Bearer {KEY}"}
PATH = "/predictions/flowers"
BEGUN = bytes(300_000)  # of a body: more than Go's server reads before it answers


class Behind(http.server.BaseHTTPRequestHandler):
    """Stands for TorchServe: tells what it was sent, and waits where it is told to."""

    protocol_version = "HTTP/1.1"
    open: ClassVar[threading.Event] = threading.Event()
    lock: ClassVar[threading.Lock] = threading.Lock()
    waiting: ClassVar[int] = 0
    most: ClassVar[int] = 0
    arrived: ClassVar[threading.Semaphore] = threading.Semaphore(0)

    def do_PUT(self) -> None:
        """Answer."""
        length = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if self.path.endswith("wait"):
            with Behind.lock:
                Behind.waiting += 1
                Behind.most = max(Behind.most, Behind.waiting)
            Behind.arrived.release()
            Behind.open.wait(60)
            with Behind.lock:
                Behind.waiting -= 1
        told = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"length": length, "headers": told, "path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT  # noqa: N815
    do_GET = do_PUT  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def behind() -> Iterator[int]:
    """The port of what stands for TorchServe."""
    server = http.server.ThreadingHTTPServer((HOST, 0), Behind)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        Behind.open.set()
        server.shutdown()
        thread.join()
        server.server_close()


def front_to(behind: int, folder: Path, lanes: Lanes) -> Front:
    way = Way(HOST, free_ports(), behind)
    return Front(way, lanes, LARGEST, folder / "front", log=str(folder / "front.log"))


@contextmanager
def running(front: Front, secrets: Secrets, folder: Path) -> Iterator[Caddy]:
    """Run a front."""
    caddy = Caddy(folder / "front")
    caddy.start(configuration(front, secrets), folder / "console.log")
    try:
        yield caddy
    finally:
        caddy.end(10)
        assert not caddy.is_running()


SECRETS = Secrets({"shop": KEY}, "server-key")


@pytest.fixture(scope="module")
def opened(behind: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A front with few places: its address, and its folder."""
    folder = tmp_path_factory.mktemp("front")
    front = front_to(
        behind, folder, Lanes(small=2, large=1, arriving=2, grpc=1, grpc_message=LARGEST)
    )
    with running(front, SECRETS, folder):
        yield f"http://{HOST}:{front.rest.port}", folder


def put(url: str, body: bytes = b"photo", **headers: str) -> requests.Response:
    return requests.put(url + PATH, data=body, headers=HEADERS | headers, timeout=60)


def test_the_servers_key_takes_the_place_of_the_clients(opened: tuple[str, Path]) -> None:
    told = put(opened[0], Describe="True", Explain="True").json()["headers"]
    assert told["authorization"] == "Bearer server-key"
    assert not {"describe", "explain"} & told.keys()


@pytest.mark.parametrize("size", [5, SMALL_BYTES + 1])
def test_torchserve_gets_no_headers_that_it_does_not_need(
    opened: tuple[str, Path], size: int
) -> None:
    told = put(opened[0], bytes(size), Accept="image/png", Cookie="a=b").json()["headers"]
    kept = {"host", "authorization", "content-length", "content-type", "accept"}
    assert told.keys() <= kept
    assert told["accept"] == "image/png"


@pytest.mark.parametrize("size", [5, SMALL_BYTES + 1])
def test_torchserve_sees_no_form(opened: tuple[str, Path], size: int) -> None:
    form = {"Content-Type": "Multipart/Form-Data; boundary=B"}
    told = put(opened[0], bytes(size), **form).json()["headers"]
    assert told["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "header", [None, "Bearer other", KEY, f"Bearer {KEY.lower()}", f"Bearer {KEY}x"]
)
def test_a_stranger_is_answered_before_his_body_has_come(
    opened: tuple[str, Path], header: str | None
) -> None:
    port = int(opened[0].rsplit(":", 1)[1])
    authorization = f"Authorization: {header}\r\n" if header else ""
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 2000000\r\n\r\n"
    with socket.create_connection((HOST, port), timeout=60) as connection:
        connection.sendall(head.encode() + BEGUN)
        assert connection.recv(12) == b"HTTP/1.1 401"


def test_what_is_too_large_is_refused_before_it_has_come(opened: tuple[str, Path]) -> None:
    port = int(opened[0].rsplit(":", 1)[1])
    head = (
        f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: bearer {KEY}\r\n"
        f"Content-Length: {LARGEST + 1}\r\n\r\n"
    )
    with socket.create_connection((HOST, port), timeout=60) as connection:
        connection.sendall(head.encode() + BEGUN)
        assert connection.recv(12) == b"HTTP/1.1 413"
    assert put(opened[0], bytes(LARGEST)).json()["length"] == LARGEST


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/ping", {}, 200),
        ("GET", "/api-description", {}, 401),
        ("GET", "/api-description", HEADERS, 200),
        ("GET", "/models", HEADERS, 404),
        ("GET", "/models", {}, 401),
        ("GET", PATH, HEADERS, 405),
        ("POST", PATH, HEADERS | {"Content-Type": "application/x-www-form-urlencoded"}, 400),
    ],
)
def test_what_is_let_in(
    opened: tuple[str, Path], method: str, path: str, headers: dict[str, str], expected: int
) -> None:
    data = {"headers": {"Content-Length": "0"} | headers, "timeout": 60}
    assert requests.request(method, opened[0] + path, **data).status_code == expected  # type: ignore[arg-type]  # noqa: S113


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v1/models/flowers:predict", "/predictions/flowers"),
        ("POST", "/v1/models/flowers:explain", "/explanations/flowers"),
        ("POST", "/v2/models/flowers/infer", "/predictions/flowers"),
        ("POST", "/v2/models/flowers/explain?a=1", "/explanations/flowers?a=1"),
        ("POST", "/v2/models/flowers/versions/2.0/infer", "/predictions/flowers/2.0"),
        ("POST", "/v2/models/flowers/versions/2.0/explain", "/explanations/flowers/2.0"),
        ("GET", "/v2/models/flowers", "/predictions/flowers"),
        ("GET", "/v2/models/flowers/ready", "/predictions/flowers"),
        ("GET", "/v2/models/flowers/versions/2.0", "/predictions/flowers/2.0"),
        ("GET", "/v2/models/flowers/versions/2.0/ready", "/predictions/flowers/2.0"),
    ],
)
def test_the_protocols_urls_are_torchserves_and_need_a_key(
    opened: tuple[str, Path], method: str, path: str, expected: str
) -> None:
    arguments: dict[str, Any] = {"method": method, "url": opened[0] + path, "timeout": 60}
    told = requests.request(headers=HEADERS | {"Describe": "True"}, **arguments).json()  # noqa: S113
    assert told["path"] == expected
    asked = told["headers"].get("describe")
    assert asked == ("v2" if method == "GET" else None)
    assert requests.request(**arguments).status_code == 401  # noqa: S113


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/flowers/infer", 405),
        ("POST", "/v2/models/flowers", 404),
        ("POST", "/v2/models/flowers/load", 404),
        ("GET", "/v2/models/flowers/config", 404),
        ("POST", "/v2/health/ready", 404),
        ("GET", "/v2/models/a%2Fb/../../models", 404),
        ("POST", "/v1/models/flowers/x:predict", 404),
        ("GET", "/v2", 404),
    ],
)
def test_other_urls_of_the_protocols_lead_nowhere(
    opened: tuple[str, Path], method: str, path: str, status: int
) -> None:
    reply = requests.request(method, opened[0] + path, headers=HEADERS, timeout=60)
    assert reply.status_code == status


def test_the_protocols_health_is_torchserves_and_needs_no_key(opened: tuple[str, Path]) -> None:
    for path in ("/v2/health/live", "/v2/health/ready"):
        assert requests.get(opened[0] + path, timeout=60).json()["path"] == "/ping"


def test_no_key_and_no_parameter_is_in_the_log(opened: tuple[str, Path]) -> None:
    url, folder = opened
    requests.put(f"{url}{PATH}?token={OTHER}", data=b"x", headers=HEADERS, timeout=60)
    log = (folder / "front.log").read_text()
    assert '"client":"shop"' in log
    assert KEY not in log
    assert OTHER not in log
    assert (folder / "front.log").stat().st_mode & 0o077 == 0


@contextmanager
def waiting(url: str, bodies: Sequence[bytes], others: int = 5) -> Iterator[None]:
    """Requests that take a place one after the other, and others like the last, without one."""
    Behind.open.clear()
    Behind.arrived = threading.Semaphore(0)
    Behind.most = 0

    def send(body: bytes) -> int:
        return requests.put(
            f"{url}/predictions/wait", data=body, headers=HEADERS, timeout=60
        ).status_code

    with ThreadPoolExecutor(20) as pool:
        try:
            sent: list[Future[int]] = []
            for body in bodies:
                sent.append(pool.submit(send, body))
                assert Behind.arrived.acquire(timeout=60)
            sent += [
                pool.submit(send, bodies[-1]) for _ in range(others)
            ]  # for which there is no place
            yield
            assert Behind.most == len(bodies)
        finally:
            Behind.open.set()
        assert {each.result() for each in sent} == {200}


LARGE = bytes(SMALL_BYTES + 1)


def test_large_bodies_wait_and_small_ones_pass_them(opened: tuple[str, Path]) -> None:
    with waiting(opened[0], [LARGE, LARGE]):
        assert put(opened[0]).status_code == 200


def test_large_bodies_have_half_of_their_places_beside_a_small_one(
    opened: tuple[str, Path],
) -> None:
    with waiting(opened[0], [b"x", LARGE]):
        assert put(opened[0]).status_code == 200


def test_small_bodies_wait_and_large_ones_pass_them(opened: tuple[str, Path]) -> None:
    with waiting(opened[0], [b"x", b"x"]):
        assert put(opened[0], LARGE).status_code == 200


def test_health_passes_them_all(opened: tuple[str, Path]) -> None:
    with waiting(opened[0], [b"x", b"x", LARGE]):
        assert requests.get(f"{opened[0]}/ping", timeout=10).status_code == 200


def test_a_wait_ends_in_503_with_retry_after(
    behind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes_module, "WAIT_S", 1)
    Behind.open.clear()
    Behind.arrived = threading.Semaphore(0)
    front = front_to(behind, tmp_path, Lanes(1, 1, 1, 1, LARGEST))
    url = f"http://{HOST}:{front.rest.port}"
    with running(front, SECRETS, tmp_path), ThreadPoolExecutor(1) as pool:
        first = pool.submit(
            requests.put, f"{url}/predictions/wait", data=b"x", headers=HEADERS, timeout=60
        )
        assert Behind.arrived.acquire(timeout=60)
        reply = put(url)
        Behind.open.set()
        assert first.result().status_code == 200
    assert (reply.status_code, reply.json()["type"]) == (503, "Overloaded")
    assert int(reply.headers["Retry-After"]) > 0


def test_who_finds_no_place_for_a_large_body_may_send_it_whole(
    behind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes_module, "_ARRIVING_S", 1)
    front = front_to(behind, tmp_path, Lanes(1, 1, 1, 1, LARGEST))
    url = f"http://{HOST}:{front.rest.port}"
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    with (
        running(front, SECRETS, tmp_path),
        waiting(url, [LARGE], others=0),
        socket.create_connection((HOST, front.rest.port), timeout=60) as connection,
    ):
        # As many clients do, it looks for no answer before it has sent all.
        connection.sendall(f"{head}Content-Length: {LARGEST}\r\n\r\n".encode() + bytes(LARGEST))
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        assert (reply.status, json.loads(reply.read())["type"]) == (503, "Overloaded")
        assert int(reply.headers["Retry-After"]) > 0
        # The connection goes on.
        connection.sendall(f"{head}Content-Length: 1\r\n\r\nx".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(("clients", "length"), [(20, 1000), (1, SMALL_BYTES + 1)])
def test_slow_clients_hold_no_place(opened: tuple[str, Path], clients: int, length: int) -> None:
    port = int(opened[0].rsplit(":", 1)[1])
    head = (
        f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Length: {length}\r\n\r\nx"
    )
    slow = [socket.create_connection((HOST, port)) for _ in range(clients)]
    try:
        for connection in slow:
            connection.sendall(head.encode())
        assert put(opened[0], bytes(length)).status_code == 200
    finally:
        for connection in slow:
            connection.close()


def test_it_starts_beside_what_a_killed_one_left(behind: int, tmp_path: Path) -> None:
    front = front_to(behind, tmp_path, Lanes(1, 1, 1, 1, LARGEST))
    with running(front, SECRETS, tmp_path) as caddy:
        for process in caddy.processes():
            process.kill()
            process.wait(60)
    assert (tmp_path / "front" / "arriving").exists()
    with running(front, SECRETS, tmp_path):
        assert put(f"http://{HOST}:{front.rest.port}", LARGE).status_code == 200


def test_new_keys_are_taken_by_the_same_process(behind: int, tmp_path: Path) -> None:
    front = front_to(behind, tmp_path, Lanes(2, 1, 1, 1, LARGEST))
    url = f"http://{HOST}:{front.rest.port}{PATH}"
    with running(front, SECRETS, tmp_path) as caddy:
        before = list(caddy.processes())
        caddy.update(configuration(front, Secrets({"shop": OTHER}, "server-key")))
        headers = {"Authorization": f"Bearer {OTHER}"}
        for _ in range(600):
            # A connection that has just come in is reset when the listeners change.
            with contextlib.suppress(requests.ConnectionError):
                if requests.put(url, data=b"x", headers=headers, timeout=60).status_code == 200:
                    break
        assert requests.put(url, data=b"x", headers=HEADERS, timeout=60).status_code == 401
        assert requests.put(url, data=LARGE, headers=headers, timeout=60).status_code == 200
        assert list(caddy.processes()) == before
    mode = (tmp_path / "front" / "front.json").stat().st_mode
    assert mode & 0o077 == 0


def test_it_speaks_tls_whatever_name_it_is_asked_for(behind: int, tmp_path: Path) -> None:
    pair = make_certificate(tmp_path / "tls", ["flowers.example.org"])
    texts = [path.read_text() for path in (pair.certificate, pair.key)]
    front = front_to(behind, tmp_path, Lanes(2, 1, 1, 1, LARGEST))
    with running(front, Secrets({"shop": KEY}, "server-key", *texts), tmp_path):
        for name in ("flowers.example.org", "other.example.org"):
            context = ssl.create_default_context(cafile=str(pair.certificate))
            context.check_hostname = False
            with (
                socket.create_connection((HOST, front.rest.port), timeout=60) as plain,
                context.wrap_socket(plain, server_hostname=name) as connection,
            ):
                assert connection.version() == "TLSv1.3"
        reply = requests.get(f"http://{HOST}:{front.rest.port}/ping", timeout=60)
        assert reply.status_code == 400


def test_a_front_that_cannot_start_says_why(behind: int, tmp_path: Path) -> None:
    front = front_to(behind, tmp_path, Lanes(1, 1, 1, 1, LARGEST))
    with (
        socket.create_server((HOST, front.rest.port)),
        pytest.raises(GatewayError, match="address already in use"),
    ):
        Caddy(tmp_path / "front").start(configuration(front, SECRETS), tmp_path / "console.log")


@pytest.mark.parametrize("queue", [3, 16, 100, 256])
@pytest.mark.parametrize("cores", [1, 2, 64])
def test_all_places_together_fit_into_the_queue(queue: int, cores: int) -> None:
    lanes = lanes_for(queue, 32 * MIB, cores)
    places: Any = (lanes.small, lanes.large, lanes.grpc)
    assert min(places) >= 1
    assert sum(places) <= queue
    assert 0 < lanes.grpc_message <= 32 * MIB
    assert 20 * lanes.grpc * lanes.grpc_message <= 32 * MIB * queue
