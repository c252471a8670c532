"""Old clients through the page's nginx: the old path, the old token, the old request format."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests

from classifier.reference import REFERENCE_NAMES, draw_png
from server.ports import HOST, free_ports
from tests.archive.modelarts.conftest import package, service
from tests.e2e.page import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.served import Served

__all__ = ["package", "service"]  # fixtures

pytestmark = pytest.mark.e2e

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
OLD_PATH = "/v1/infers/3f1c5a2e"
OLD_TOKEN = {"X-Auth-Token": "MIIZ-of-the-old-platform"}
RELOAD_S = 60
PICTURE = draw_png(REFERENCE_NAMES[0])

MAIN = """
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/service.conf;
}}
"""


class Proxy:
    """The page's nginx in front of a server; `renew` is the page's script."""

    def __init__(self, served: Served, folder: Path) -> None:
        self._folder, self._port = folder, free_ports()
        self.url = f"http://{HOST}:{self._port}"
        (folder / "run").symlink_to(served.run_dir)
        places = {
            "listen 80;": f"listen {HOST}:{self._port};",
            "/etc/nginx": str(folder),
            "/srv/marigold": str(folder),
            "127.0.0.1:8080": f"{HOST}:{served.port}",
            "nginx -s reload": f"{NGINX} -c {folder}/nginx.conf -s reload",
        }
        (snippet,), (script,) = blocks("nginx"), blocks("shell")
        for name, value in places.items():
            assert name in snippet + script
            snippet, script = snippet.replace(name, value), script.replace(name, value)
        user = "root" if os.geteuid() == 0 else "nobody"  # pytest's folders are one user's own
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
        (folder / "service.conf").write_text(snippet)
        (folder / "marigold-key.conf").touch()
        self._script = folder / "renew"
        self._script.write_text(script)

    def start(self) -> None:
        """Start nginx, which listens when the command has ended."""
        self._run(str(NGINX), "-c", f"{self._folder}/nginx.conf")

    def renew(self) -> None:
        """Run the page's script, and wait until nginx's workers with the old key have ended."""
        master = psutil.Process(int((self._folder / "nginx.pid").read_text()))
        former = master.children()
        self._run("bash", str(self._script))
        # The reload is asynchronous: until they have ended, they may take new requests.
        _, alive = psutil.wait_procs(former, timeout=RELOAD_S)
        assert not alive

    def stop(self) -> None:
        """Stop nginx."""
        self._run(str(NGINX), "-c", f"{self._folder}/nginx.conf", "-s", "stop")

    def post(self, path: str = OLD_PATH, **request: Any) -> requests.Response:
        """Send a request as an old client does."""
        headers = request.pop("headers", OLD_TOKEN)
        return requests.post(f"{self.url}{path}", headers=headers, timeout=60, **request)

    def _run(self, *command: str) -> None:
        log = self._folder / "error.log"
        arguments = ["-e", str(log)] if command[0] == NGINX else []
        run = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def proxy(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The page's nginx, with a key."""
    if NGINX is None:
        pytest.skip("no nginx here: apt-get install nginx")
    proxy = Proxy(served, tmp_path_factory.mktemp("nginx"))
    proxy.start()
    try:
        proxy.renew()
        yield proxy
    finally:
        proxy.stop()


def test_an_old_client_gets_the_old_answer(proxy: Proxy, service: str) -> None:
    requests_: list[dict[str, Any]] = [
        {"files": {"images": ("photo.png", PICTURE)}},
        {"json": {"images": base64.b64encode(PICTURE).decode()}},
    ]
    for request in requests_:
        before = requests.post(service, headers=OLD_TOKEN, timeout=60, **request)
        after = proxy.post(**request)
        assert (before.status_code, after.status_code) == (200, 200)
        assert before.headers["content-type"] == after.headers["content-type"]
        assert before.json()["predicted_label"] == after.json()["predicted_label"]
        expected = dict(before.json()["scores"])
        assert dict(after.json()["scores"]) == pytest.approx(expected, abs=1e-3)


def test_the_key_stays_when_torchserve_renews_its_own(proxy: Proxy, served: Served) -> None:
    key = served.tokens.current("inference")
    proxy.renew()
    assert served.tokens.replace("management", served.tokens.current("management"))
    assert served.tokens.current("inference") == key
    assert proxy.post(files={"images": PICTURE}).status_code == 200


def test_errors_are_in_the_old_form(proxy: Proxy) -> None:
    reply = proxy.post(files={"images": b"no image"})
    assert (reply.status_code, reply.json()["erno"]) == (400, "MR.0105")
    reply = proxy.post(files={"images": bytes(33 * 2**20)})
    assert (reply.status_code, reply.json()["erno"]) == (400, "MR.0105")


def test_without_a_token_or_with_another_path_nobody_gets_in(proxy: Proxy) -> None:
    assert proxy.post(headers={}, files={"images": PICTURE}).status_code == 401
    assert proxy.post("/predictions/flowers", files={"images": PICTURE}).status_code == 404
    assert proxy.post("/ping").status_code == 404
    assert requests.get(proxy.url + OLD_PATH, headers=OLD_TOKEN, timeout=60).status_code == 403


def test_health_is_the_servers(proxy: Proxy) -> None:
    reply = requests.get(f"{proxy.url}/health", timeout=60)
    assert (reply.status_code, reply.json()) == (200, {"status": "OK"})


def test_a_large_photo_passes(proxy: Proxy) -> None:
    padded = PICTURE + bytes(5 * 2**20)  # more than nginx lets through by itself
    assert proxy.post(files={"images": padded}).status_code == 200
