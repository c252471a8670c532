"""A stand-in for ModelArts' server of PyTorch services: only the documented behaviour.

Multipart becomes `{key: {file name: BytesIO}}`, JSON arrives as it is, query arguments are merged
in as strings; errors have the platform's bodies. Runs as a program of its own, with the package
and `platform/` on the import path, as on the platform.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Iterator

PLATFORM = Path(__file__).with_name("platform")


@contextlib.contextmanager
def running_package(package: Path) -> Iterator[str]:
    """Run the service of a package as it is; give the URL, when it is ready."""
    # One thread: two servers on few cores would wait for each other.
    environment = {**os.environ, "PYTHONPATH": f"{package}:{PLATFORM}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.archive.modelarts.standin", str(package)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            assert url, "the package does not load"
            yield url
        finally:
            process.terminate()


def make_app(service: Any) -> Flask:
    """Build the server of a service."""
    app = Flask("platform")

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "OK"}

    @app.post("/")
    def infer() -> Response:
        data = {**_files(), **_json(), **request.args.to_dict()}
        if not data:
            return _error(400, "MR.0101", "The input parameter is invalid")
        try:
            result = service.inference(data)
        except (KeyError, TypeError):
            return _error(400, "MR.0105", "Recognition failed")
        except Exception:  # noqa: BLE001 - as the platform does
            return _error(500, "MR.0105", "Recognition failed")
        return _reply(200, result)

    return app


def _files() -> dict[str, Any]:
    return {
        key: OrderedDict(
            (upload.filename, io.BytesIO(upload.read())) for upload in request.files.getlist(key)
        )
        for key in request.files
    }


def _json() -> dict[str, Any]:
    return dict(request.get_json()) if request.is_json else {}


def _error(status: int, code: str, message: str) -> Response:
    return _reply(status, {"erno": code, "msg": message, "words_result": {}})


def _reply(status: int, body: Any) -> Response:
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, status=status, content_type="application/json")


def main(package: Path) -> None:
    """Serve a package until terminated."""
    base = importlib.import_module("model_service.pytorch_model_service").PTServingBaseService
    module = importlib.import_module("customize_service")
    services = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value is not base
    ]
    weights = next(package.glob("*.pth"))
    (service,) = services
    server = make_server("127.0.0.1", 0, make_app(service("flowers", str(weights))))
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
