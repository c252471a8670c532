"""Supervising a server: what the supervisor is notified of, and how it ends."""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from client.api.addresses import addresses_from
from console.interruption import interruptible
from server.errors import ServerEnded
from server.following import Followed
from server.ports import HOST, free_ports
from server.supervision import notify, stay

if TYPE_CHECKING:
    from pathlib import Path

    import psutil

    from server.run_folder import RunFolder


@pytest.fixture
def process(folder: RunFolder, process: psutil.Process) -> psutil.Process:
    """The same process, standing for the folder's server."""
    port = free_ports()
    folder.record(process, port, addresses_from(f"http://{HOST}:{port}"))
    return process


def test_a_server_that_ends_by_itself_is_an_error_with_its_cause(
    folder: RunFolder, process: psutil.Process
) -> None:
    (folder.logs / "console.log").write_text("java.lang.OutOfMemoryError: Java heap space\n")
    process.kill()
    with pytest.raises(ServerEnded, match="OutOfMemoryError"):
        stay(folder, grace_s=0)
    assert folder.server() is None


def test_sigterm_stops_the_server_and_is_no_error(
    folder: RunFolder, process: psutil.Process, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder.logs / "server.log").write_text("a line\n")
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    teller = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM))
    with interruptible():
        teller.start()
        stay(folder, grace_s=0)
    teller.join()
    assert not process.is_running()
    assert capfdbinary.readouterr().out == b"a line\n"
    assert handlers == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_where_it_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, abstract: bool
) -> None:
    name = f"marigold-{os.getpid()}" if abstract else str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + name if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name if abstract else name)
        notify("READY=1")
        assert receiver.recv(100) == b"READY=1"
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("READY=1")  # nobody asked


def test_log_files_are_followed_through_a_change_of_file(tmp_path: Path) -> None:
    output = io.BytesIO()
    log = tmp_path / "server.log"
    log.write_text("one\n")
    with Followed(tmp_path, output) as followed:
        followed.copy_news()
        with log.open("a") as file:
            file.write("two\n")
            log.rename(tmp_path / "server.1")
            log.write_text("three\n")
            (tmp_path / "worker.log").write_text("late\n")
        followed.copy_news()
    assert output.getvalue() == b"one\ntwo\nthree\nlate\n"
