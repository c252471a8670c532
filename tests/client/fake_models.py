"""A stand-in for TorchServe with versions and workers, on a clock that only sleeping moves."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter

from client.api.inference import InferenceClient
from client.api.management import ManagementClient
from client.api.transport import Transport
from client.connection import Connection
from tests.client import replies
from tests.client.fakes import URL, FakeTime, reply

if TYPE_CHECKING:
    from pathlib import Path

START_S, DEATH_S, WORK_S = 5.0, 3.0, 2.0
LABELS = ("daisy", "roses", "tulips")


@dataclass
class FakeVersion:
    """One version: its workers by process id, with the time at which each is ready."""

    archive: str
    metadata: dict[str, Any]
    ready_at: dict[int, float] = field(default_factory=dict)
    broken: bool = False
    busy_until: float = 0.0
    answer: Any = field(default_factory=lambda: dict(replies.PREDICTION))


@dataclass(frozen=True)
class FakeConnection(Connection):
    """A connection whose every request goes to a fake."""

    server: FakeModels = field(kw_only=True)

    def management(self) -> ManagementClient:
        """A client of the fake's management API."""
        return self.server.management()

    def inference(self, version: str | None = None) -> InferenceClient:
        """A client of the fake's inference API."""
        transport = self.server.transport("inference")
        return InferenceClient(URL, self.model, version=version, transport=transport)


class FakeModels(BaseAdapter):
    """The management and the inference API of a server that is under full load.

    The default version has requests in work at any time, another one until `WORK_S` after it was
    the default. `cut_off` counts workers that were taken away from their requests.
    """

    def __init__(self, store: Path, workers: int = 1, *, model_api: bool = True) -> None:
        super().__init__()
        self.store, self.model_api, self.time = store, model_api, FakeTime()
        self.default, self.cut_off, self.commands = "1.0", 0, list[str]()
        self.next_pid = 100
        self.versions: dict[str, FakeVersion] = {}
        write_archive(store / "flowers.mar", "1.0")
        self._load("flowers.mar", workers)
        self.versions["1.0"].ready_at = dict.fromkeys(self.versions["1.0"].ready_at, 0.0)

    @property
    def workers(self) -> dict[str, int]:
        """How many workers each version has."""
        return {version: len(fake.ready_at) for version, fake in self.versions.items()}

    def session(self) -> requests.Session:
        """A session whose every request comes here."""
        session = requests.Session()
        session.mount("http://", self)
        return session

    def management(self) -> ManagementClient:
        """A client of it."""
        return ManagementClient(transport=self.transport("management"))

    def transport(self, kind: Any) -> Transport:
        """How its clients send: to it, on its clock."""
        return Transport(URL, kind=kind, session=self.session(), clock=self.time)

    def processor_s(self, pid: int) -> float | None:
        """Processor time of a worker: it grows for as long as there are requests."""
        for version, fake in self.versions.items():
            if pid in fake.ready_at:
                in_work = version == self.default
                return self.time.now if in_work else min(self.time.now, fake.busy_until)
        return None

    def close(self) -> None:
        """Nothing to close."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        """Do what is asked."""
        parts = urlsplit(str(request.path_url))
        query = {str(name): str(values[0]) for name, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/predictions/"):
            return self._predict(*parts.path.split("/")[3:])
        if request.method != "GET":
            self.commands.append(f"{request.method} {request.path_url}")
        if request.method == "POST":
            return self._register(query)
        rest = parts.path.split("/")[3:]
        if rest == ["all"]:
            return reply(200, [self._describe(version) for version in self.versions])
        version = rest[0] if rest else self.default
        if version not in self.versions:
            return reply(404, replies.NO_VERSION)
        if request.method == "GET":
            return reply(200, [self._describe(version)])
        return self._change(str(request.method), version, rest[1:], query)

    def _predict(self, version: str = "") -> requests.Response:
        answer = self.versions[version or self.default].answer
        status, body = answer if isinstance(answer, list) else (200, answer)
        return reply(status, body)

    def _register(self, query: dict[str, str]) -> requests.Response:
        if not self.model_api:
            return reply(405, replies.NOT_ALLOWED)
        if not (self.store / query["url"]).is_file():
            return reply(404, replies.NO_ARCHIVE)
        if not self._load(query["url"], 1):
            return reply(409, replies.CONFLICT)
        return reply(202, {"status": "Processing worker updates..."})

    def _change(
        self, method: str, version: str, rest: list[str], query: dict[str, str]
    ) -> requests.Response:
        if method == "DELETE":
            if version == self.default:
                return reply(400, {"message": "Cannot remove default version"})
            self._resize(version, 0)
            del self.versions[version]
        elif rest == ["set-default"]:
            self.versions[self.default].busy_until = self.time.now + WORK_S
            self.default = version
        else:
            self._resize(version, int(query["min_worker"]))
        return reply(200, {"status": "done"})

    def _load(self, archive: str, workers: int) -> bool:
        with zipfile.ZipFile(self.store / archive) as mar:
            version = json.loads(mar.read("MAR-INF/MANIFEST.json"))["model"]["modelVersion"]
            metadata = json.loads(mar.read("model.json"))
        if version in self.versions:
            return False
        fake = FakeVersion(archive, metadata, broken=metadata.get("broken", False))
        fake.answer = metadata.get("answer", fake.answer)
        self.versions[version] = fake
        self._resize(version, workers)
        return True

    def _resize(self, version: str, workers: int) -> None:
        fake = self.versions[version]
        while len(fake.ready_at) > workers:
            fake.ready_at.popitem()
            self.cut_off += version == self.default or self.time.now < fake.busy_until
        while len(fake.ready_at) < workers:
            self.next_pid += 1
            fake.ready_at[self.next_pid] = self.time.now + START_S

    def _describe(self, version: str) -> dict[str, Any]:
        fake, now = self.versions[version], self.time.now
        described = replies.description(workers=len(fake.ready_at), version=version)
        for worker, (pid, ready_at) in zip(
            described["workers"], fake.ready_at.items(), strict=True
        ):
            ready = now >= ready_at and not fake.broken
            deaths = int(max(0.0, now - ready_at + START_S) / DEATH_S) if fake.broken else 0
            state = "READY" if ready else "UNLOADING"
            worker.update(status=state, pid=pid + 1000 * deaths)
        return described | {"modelUrl": fake.archive, "customizedMetadata": fake.metadata}


def write_archive(path: Path, version: str, **metadata: Any) -> None:
    """Write as much of a .mar as the fake and the client read.

    Args:
        path: The file.
        version: The version in its manifest.
        metadata: What its handler says of itself; `broken` lets its workers die, `answer` is what
            it predicts, or a status and a body.
    """
    with zipfile.ZipFile(path, "w") as mar:
        mar.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": {"modelVersion": version}}))
        mar.writestr("model.json", json.dumps({"labels": LABELS} | metadata))
