"""Attacks and broken clients: the server refuses them and keeps serving."""

from __future__ import annotations

import base64
import http.client
import io
import socket
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests
from PIL import Image

from classifier.reference import REFERENCE_NAMES, draw_png
from client.api.key_file import read_key_file
from server.ports import HOST, free_ports
from tests.e2e.served import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

PICTURE = draw_png(REFERENCE_NAMES[0])
LARGEST_BODY = 33_554_432  # max_request_size of config.properties


@pytest.fixture(autouse=True)
def _serves_on(served: Served) -> Iterator[None]:
    """After each attempt the same worker still answers."""
    workers = [worker.pid for worker in served.management.describe("flowers").workers]
    yield
    assert served.inference.predict(PICTURE).scores
    assert [worker.pid for worker in served.management.describe("flowers").workers] == workers


def predict(served: Served, token: str | None, body: bytes = PICTURE) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    url = f"{served.url}/predictions/flowers"
    return requests.post(url, data=body, headers=headers, timeout=120)


def bearer(served: Served, kind: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {served.tokens.current(kind)}"}


@pytest.mark.parametrize("token", [None, "", "wrong", "x" * 5000, "\xe9", "null"])
def test_without_the_token_nothing_is_answered(served: Served, token: str | None) -> None:
    reply = predict(served, token)
    assert reply.status_code in (400, 401, 413, 431)
    assert "daisy" not in reply.text


def test_nothing_that_the_server_writes_is_ever_open_to_others(served: Served) -> None:
    written = [path for path in (served.run_dir / "logs").iterdir() if path.name != "console.log"]
    assert written
    keys = ("key_file.json", "clients/local", "tmp/front/front.json")
    for path in (*written, *(served.run_dir / name for name in keys)):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_token_that_was_replaced_is_worth_nothing(served: Served) -> None:
    old, url = served.tokens.current("management"), f"{served.management_url}/models"
    headers = {"Authorization": f"Bearer {old}"}
    assert requests.get(url, headers=headers, timeout=60).status_code == 200
    assert served.tokens.replace("management", old) != old
    assert requests.get(url, headers=headers, timeout=60).status_code == 400


def test_an_expired_token_is_worth_nothing(tmp_path: Path) -> None:
    # A server whose tokens end as they are made; without a model, as the token is judged before.
    port = free_ports()
    config = tmp_path / "config.properties"
    config.write_text(
        f"inference_address=http://{HOST}:{port}\nmanagement_address=http://{HOST}:{port + 1}\n"
        f"metrics_address=http://{HOST}:{port + 2}\ngrpc_inference_port={port + 3}\n"
        f"grpc_management_port={port + 4}\ntoken_expiration_min=0\ndisable_system_metrics=true\n"
    )
    server = Path(sys.executable).with_name("torchserve")
    environment = clean_environment() | {"TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    command = [str(server), "--start", "--foreground", "--ncs", "--ts-config", str(config)]
    with (
        (tmp_path / "console.log").open("wb") as log,
        subprocess.Popen(
            [*command, "--model-store", str(tmp_path)],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            while True:
                assert process.poll() is None, (tmp_path / "console.log").read_text()
                try:
                    requests.get(f"http://{HOST}:{port + 2}/metrics", timeout=60)
                    break
                except requests.ConnectionError:
                    continue
            token = read_key_file(tmp_path / "key_file.json").inference.value
            headers = {"Authorization": f"Bearer {token}"}
            url = f"http://{HOST}:{port}/predictions/flowers"
            reply = requests.post(url, data=PICTURE, headers=headers, timeout=60)
            assert reply.status_code == 400
            assert reply.json()["type"] == "InvalidKeyException"
        finally:
            # The command only waits for its Java process, which outlives it.
            for child in psutil.Process(process.pid).children(recursive=True):
                child.terminate()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/models"),
        ("GET", "/models/flowers"),
        ("PUT", "/models/flowers?min_worker=0"),
        ("DELETE", "/models/flowers"),
        ("GET", "/token?type=management"),
    ],
)
def test_the_inference_token_manages_nothing(served: Served, method: str, path: str) -> None:
    url = served.management_url + path
    reply = requests.request(method, url, headers=bearer(served, "inference"), timeout=60)
    assert 400 <= reply.status_code < 500


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/evil.mar", "https://example.invalid/evil.mar", "file:///etc/passwd"],
)
def test_no_model_is_registered_even_by_the_manager(served: Served, url: str) -> None:
    reply = requests.post(
        f"{served.management_url}/models",
        params={"url": url},
        headers=bearer(served, "management"),
        timeout=60,
    )
    assert 400 <= reply.status_code < 500
    assert [entry.name for entry in served.management.list_models()] == ["flowers"]


@pytest.mark.parametrize(
    "path",
    [
        "/models/../../../etc/passwd",
        "/models/..%2f..%2f..%2fetc%2fpasswd",
        "/models/flowers/..%2f..%2fkey_file.json",
        "/models/%00",
        "/../key_file.json",
        "/models/flowers/1.0/../../../key_file.json",
    ],
)
@pytest.mark.parametrize("api", ["inference", "management"])
def test_no_path_leads_out(served: Served, path: str, api: str) -> None:
    port = served.port + (api == "management")
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request("GET", path, headers=bearer(served, api))  # requests would tidy the path
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    assert 400 <= reply.status < 500
    assert b"root:" not in body
    assert b"expiration" not in body


def test_a_body_over_the_limit_is_refused(served: Served) -> None:
    try:
        reply = predict(served, served.tokens.current("inference"), bytes(LARGEST_BODY + 1))
    except requests.ConnectionError:
        return  # hung up on while still sending, which is a refusal too
    assert reply.status_code == 413


@pytest.mark.parametrize("side", [7_200, 60_000])
def test_a_small_file_of_very_many_pixels_is_not_unpacked(served: Served, side: int) -> None:
    reply = predict(served, served.tokens.current("inference"), png_of(side))
    assert reply.status_code == 413


def test_a_compressed_body_is_not_unpacked(served: Served) -> None:
    bomb = zlib.compress(bytes(50_000_000))
    headers = bearer(served, "inference") | {"Content-Encoding": "deflate"}
    url = f"{served.url}/predictions/flowers"
    assert requests.post(url, data=bomb, headers=headers, timeout=60).status_code in (400, 413)


def test_slow_clients_keep_nobody_waiting(served: Served) -> None:
    token = served.tokens.current("inference")
    head = (
        f"POST /predictions/flowers HTTP/1.1\r\nHost: {HOST}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\nx"
    )
    slow = [socket.create_connection((HOST, served.port)) for _ in range(100)]
    try:
        for connection in slow:
            connection.sendall(head.encode())
        assert predict(served, token).status_code == 200
    finally:
        for connection in slow:
            connection.close()


def test_errors_tell_nothing_of_the_insides(served: Served) -> None:
    token = served.tokens.current("inference")
    for body in (b"", b"{", b"[]", PICTURE[:100], b"\xff" * 1000):
        reply = predict(served, token, body)
        assert 400 <= reply.status_code < 500
        for word in ("Traceback", ".py", "/usr", "site-packages", str(served.home)):
            assert word not in reply.text


def png_of(side: int) -> bytes:
    """Write a black PNG of one bit a pixel: a few kilobytes, whatever its side."""
    small = io.BytesIO()
    Image.new("1", (8, 8)).save(small, "PNG")
    row = bytes(1 + (side + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(min(side, 8_000))) + packer.flush()
    header = side.to_bytes(4, "big") * 2 + b"\x01\x00\x00\x00\x00"
    return small.getvalue()[:8] + b"".join(
        len(part).to_bytes(4, "big") + kind + part + zlib.crc32(kind + part).to_bytes(4, "big")
        for kind, part in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )


JSON_FLOODS = {
    "empty objects": b"[" + b"{}," * 3_000_000 + b"{}]",
    "members": b"{" + b",".join(b'"%d":1' % i for i in range(1_000_000)) + b"}",
}


@pytest.mark.parametrize("body", JSON_FLOODS.values(), ids=JSON_FLOODS)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "image/jpeg"])
def test_json_is_not_parsed_before_it_is_counted(served: Served, kind: str, body: bytes) -> None:
    headers = bearer(served, "inference") | {"Content-Type": kind}
    url = f"{served.url}/predictions/flowers"
    reply = requests.post(url, data=body, headers=headers, timeout=120)
    assert reply.status_code == 413
    assert "JSON of at most 10,000 members" in reply.json()["message"]


def test_a_form_is_not_taken_apart_before_its_parts_are_counted(served: Served) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="%d"\r\n\r\n\r\n'
    body = b"".join(part % number for number in range(100_000)) + b"--B--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=B"}
    url = f"{served.url}/predictions/flowers"
    reply = requests.post(url, data=body, headers=bearer(served, "inference") | kind, timeout=120)
    assert reply.status_code == 413
    assert "a form of at most 128 parts; found 100,000" in reply.json()["message"]


def test_many_dear_images_are_refused_before_they_are_decoded(served: Served) -> None:
    buffer = io.BytesIO()
    Image.new("L", (7071, 7071)).save(buffer, "GIF")  # quick to make
    image = base64.b64encode(buffer.getvalue()).decode("ascii")
    reply = requests.post(
        f"{served.url}/predictions/flowers",
        json={"instances": [{"b64": image}] * 64},
        headers=bearer(served, "inference"),
        timeout=120,
    )
    assert reply.status_code == 413
    assert reply.json()["error"].startswith("all images together: expected ")
