"""The servers that are compared, behind one small interface.

An adapter starts a server in its own folder on free loopback ports and waits for a correct answer
to a real photo; a server's dialect defines how photos are sent and answers read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import requests

from bench.lab.errors import PeerFailed
from bench.lab.processes import end, tree
from server.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import psutil

    from bench.lab.subject import Subject

POLL_S = 0.05
START_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Dialect:
    """A server's request and reply format.

    Attributes:
        path: Path of the prediction URL.
        content_type: Content type of a request.
        encode: Turns an image file into a request body.
        top_class: Reads the best class from a reply's body.
    """

    path: str
    content_type: str
    encode: Callable[[bytes], bytes]
    top_class: Callable[[bytes], str]


@dataclass
class Running:
    """A started server.

    Attributes:
        name: The server's name.
        port: Its port on loopback.
        dialect: Its request and reply format.
        root: Its first process.
        beside: Processes of it that the first one did not start.
        headers: Headers of every request, besides the content type.
        start_s: Seconds from the start of its command to the first correct answer.
        stop: Stops it.
    """

    name: str
    port: int
    dialect: Dialect
    root: psutil.Process
    headers: dict[str, str] = field(default_factory=dict)
    start_s: float = 0.0
    stop: Callable[[], None] = lambda: None
    beside: tuple[psutil.Process, ...] = ()

    @property
    def family(self) -> list[psutil.Process]:
        """All of its processes."""
        return [*tree(self.root), *self.beside]

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers of a prediction."""
        return {"Content-Type": self.dialect.content_type, **self.headers}

    def ask(self, session: requests.Session, photo: bytes) -> str:
        """Return the class that the server gives to a photo.

        Raises:
            PeerFailed: It did not answer, or answered with an error.
        """
        url = f"http://{HOST}:{self.port}{self.dialect.path}"
        try:
            reply = session.post(
                url, self.dialect.encode(photo), headers=self.all_headers, timeout=60
            )
        except requests.RequestException as error:
            raise PeerFailed(f"{self.name}: no answer ({type(error).__name__})") from error
        if reply.status_code != 200:  # noqa: PLR2004
            raise PeerFailed(f"{self.name}: status {reply.status_code}: {reply.text[:300]}")
        try:
            return self.dialect.top_class(reply.content)
        except (ValueError, LookupError, TypeError) as error:
            raise PeerFailed(f"{self.name}: no answer in {reply.text[:300]!r}") from error


class Server(Protocol):
    """A server that can be started."""

    @property
    def name(self) -> str:
        """Short and unique; names results and folders."""
        ...

    def start(self, subject: Subject, folder: Path) -> Running:
        """Start it with a model; returns when a photo was classified.

        Raises:
            PeerFailed: It did not start.
        """
        ...


def wait_for_answer(running: Running, subject: Subject, folder: Path, since: float) -> None:
    """Send requests until the first photo gets the name of a class; sets `start_s`.

    Args:
        running: The server.
        subject: Provides the photo.
        folder: Folder of its console output, for the error.
        since: Start time of its command, by `time.perf_counter`.

    Raises:
        PeerFailed: It ended, or gave no answer in time; it is stopped then.
    """
    photo = subject.photos[0].read_bytes()
    problem = "no answer"
    with requests.Session() as session:
        while time.perf_counter() < since + START_TIMEOUT_S:
            if not running.root.is_running() or running.root.status() == "zombie":
                problem = "it ended"
                break
            try:
                answer = running.ask(session, photo)
            except PeerFailed as error:
                problem = str(error)
                time.sleep(POLL_S)
                continue
            if answer in subject.class_names:
                running.start_s = time.perf_counter() - since
                return
            problem = f"an answer of no known class: {answer!r}"
            break
    end(running.root)
    console = folder / "console.log"
    last = (
        console.read_text(encoding="utf-8", errors="replace")[-1500:] if console.is_file() else ""
    )
    raise PeerFailed(f"{running.name} does not start ({problem}); {console}:\n{last}")
