"""Process identity: clock steps do not hide a server, and no unknown process is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from client.api.addresses import addresses_from
from client.api.clock import Clock
from server.errors import Busy, ServerEnded, StartError
from server.leftovers import end_orphans
from server.ports import HOST, free_ports
from server.processes import Identity
from server.start import Options, start
from server.stop import stop
from server.supervision import stay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server.run_folder import RunFolder

LISTENS = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
    print("listening", flush=True)
    while True:
        listening.accept()
"""


@pytest.fixture
def front_end(folder: RunFolder) -> Iterator[tuple[psutil.Process, int]]:
    """A process that listens, called as TorchServe is with the folder's settings; not on record."""
    port = free_ports()
    folder.config.write_text(f"management_address=http://{HOST}:{port + 1}\n")
    command = [sys.executable, "-c", LISTENS, str(port + 1), "org.pytorch.serve.ModelServer", "-f"]
    with subprocess.Popen([*command, str(folder.config)], stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        yield psutil.Process(child.pid), port
        child.kill()


@pytest.mark.parametrize("step_s", [5, -5, 7200])
def test_a_server_stays_the_same_when_the_clock_is_set(
    folder: RunFolder, process: psutil.Process, monkeypatch: pytest.MonkeyPatch, step_s: int
) -> None:
    port = free_ports()
    folder.record(process, port, addresses_from(f"http://{HOST}:{port}"))
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + step_s)
    assert folder.server() == (process, port)
    with pytest.raises(StartError, match="already running"):
        start(options(folder.path), folder)
    assert process.is_running()


def options(home: Path) -> Options:
    from server.ports import Ports  # noqa: PLC0415

    return Options(home / "none.mar", "flowers", Ports.starting_at(free_ports()))


def test_a_process_id_of_another_boot_is_not_the_server(process: psutil.Process) -> None:
    found = Identity.of(process.pid)
    assert found.process() == process
    assert Identity(found.pid, found.start_ticks, "another").process() is None
    assert Identity(found.pid, found.start_ticks + 1, found.boot_id).process() is None


def test_a_process_that_has_ended_has_no_identity(process: psutil.Process) -> None:
    found = Identity.of(process.pid)
    process.kill()
    while process.status() != psutil.STATUS_ZOMBIE:
        pass
    assert found.process() is None
    with pytest.raises(ProcessLookupError):
        Identity.of(process.pid)


def test_a_program_of_an_odd_name_has_an_identity(tmp_path: Path) -> None:
    program = tmp_path / "a ) R 1 (b"
    program.symlink_to(sys.executable)
    with subprocess.Popen([program, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert Identity.of(child.pid).start_ticks > Identity.of(1).start_ticks
        child.kill()


@pytest.mark.parametrize("record", [None, "", '{"pid": 1, "created": 1.0, "port": 1}'])
def test_a_front_end_that_answers_is_the_server_whatever_the_record_says(
    folder: RunFolder, front_end: tuple[psutil.Process, int], record: str | None
) -> None:
    if record is not None:
        (folder.path / "server.json").write_text(record)
    assert folder.server() == front_end
    with pytest.raises(StartError, match="already running"):
        start(options(folder.path), folder)
    assert front_end[0].is_running()


class Slept(Clock):
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        """Return the time slept."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


def test_stop_waits_the_whole_grace_when_it_cannot_see_the_requests(
    folder: RunFolder, process: psutil.Process, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_ports()
    folder.record(process, port, addresses_from(f"http://{HOST}:{port}"))
    clock = Slept()
    assert stop(folder, grace_s=10, clock=clock) is True
    assert clock.now == pytest.approx(10)
    assert caplog.messages[0].startswith("cannot see whether requests are in flight, waiting 10 s")
    assert len(caplog.messages) == 1


def test_stop_drains_a_front_end_that_nobody_wrote_down(
    folder: RunFolder, front_end: tuple[psutil.Process, int]
) -> None:
    clock = Slept()
    folder.key_file.write_text("{}")
    assert stop(folder, grace_s=2, clock=clock) is True
    assert clock.now == pytest.approx(2)
    assert not front_end[0].is_running()
    assert not folder.key_file.exists()


def test_stay_keeps_keys_and_record_while_the_server_runs(
    folder: RunFolder, process: psutil.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_ports()
    folder.record(process, port, addresses_from(f"http://{HOST}:{port}"))
    folder.key_file.write_text("{}")
    ready = threading.Event()
    monkeypatch.setattr("server.supervision.notify", lambda _: ready.set())
    ended: list[Exception] = []

    def follow() -> None:
        try:
            stay(folder, grace_s=0)
        except ServerEnded as error:
            ended.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    ready.wait()
    (folder.path / "server.json").write_text("{}")  # damaged, and the process runs on
    thread.join(timeout=1)
    assert thread.is_alive()
    assert folder.key_file.exists()
    process.kill()
    thread.join()
    assert len(ended) == 1
    assert not folder.key_file.exists()


def test_what_a_killed_server_leaves_goes(folder: RunFolder, process: psutil.Process) -> None:
    port = free_ports()
    folder.config.touch()
    folder.record(process, port, addresses_from(f"http://{HOST}:{port}"))
    process.kill()
    with pytest.raises(ServerEnded):
        stay(folder, grace_s=0)
    assert not folder.temporary.exists()
    folder.create()
    assert stop(folder, grace_s=0) is False
    assert not folder.temporary.exists()


def test_a_front_end_that_hears_nobody_is_left_over(
    folder: RunFolder, front_end: tuple[psutil.Process, int]
) -> None:
    folder.config.write_text(f"inference_address=http://{HOST}:{free_ports()}\n")
    assert folder.server() is None
    assert end_orphans(folder) == [front_end[0].pid]


def test_only_one_change_at_a_time_and_the_second_says_whose_turn_it_is(
    folder: RunFolder, process: psutil.Process
) -> None:
    port = free_ports()
    folder.record(process, port, addresses_from(f"http://{HOST}:{port}"))
    holds = (
        "import pathlib, sys; from storage.locks import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('held', flush=True); input()"
    )
    command = [sys.executable, "-c", holds, str(folder.path), "deploy", "2.0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(Busy) as busy:
            stop(folder, grace_s=60)
        assert f"in use by process {other.pid}" in str(busy.value)
        assert "deploy 2.0" in str(busy.value)
        assert "which started at " in str(busy.value)
        clock = Slept()
        assert process.is_running()
        assert stop(folder, grace_s=5, insist=True, clock=clock) is True  # of a supervisor
        assert clock.now >= 5
        other.kill()
