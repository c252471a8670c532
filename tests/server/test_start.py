"""Problems that prevent a start: one clear line each, before anything is started."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from client.api.addresses import addresses_from
from server.__main__ import main
from server.errors import StartError
from server.ports import HOST, Ports, check_free, free_ports
from server.run_folder import RunFolder
from server.start import _cause_of_death, threads_for, workers_for

if TYPE_CHECKING:
    from pathlib import Path

    from server.start import Options


@pytest.fixture
def mar(tmp_path: Path) -> Path:
    """A file with a stamp that says it was verified; nothing gets as far as reading it."""
    mar = tmp_path / "drawn.mar"
    mar.write_bytes(b"not read")
    digest = hashlib.sha256(b"not read").hexdigest()
    (tmp_path / "drawn.mar.sha256").write_text(f"{digest}  drawn.mar\n")
    return mar


def failure(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run the command, which is to fail; return its one line."""
    assert main([str(argument) for argument in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_a_missing_archive_names_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    line = failure(capsys, "start", tmp_path / "none.mar", "--run-dir", run)
    assert "build it with `make archive`" in line
    assert not run.exists()


def test_an_archive_that_changed_after_it_was_verified_is_not_served(
    mar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mar.write_bytes(b"tampered")
    line = failure(capsys, "start", mar, "--run-dir", tmp_path / "run")
    assert "not verified, or changed since" in line


def test_an_archive_without_a_stamp_is_not_served(
    mar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mar.with_name("drawn.mar.sha256").unlink()
    assert "not verified" in failure(capsys, "start", mar, "--run-dir", tmp_path / "run")


def test_a_busy_port_is_named_with_its_owner(
    mar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_ports()
    with socket.create_server((HOST, port + 2)):
        line = failure(capsys, "start", mar, "--port", str(port), "--run-dir", tmp_path / "run")
    assert f"port {port + 2} is taken by process {os.getpid()}" in line
    assert "PORT=" in line


def test_a_missing_front_is_found_before_an_archive_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # An environment, and a PATH, without Caddy.
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    arguments = ("--check-only", "--port", str(free_ports()), "--run-dir", tmp_path / "run")
    line = failure(capsys, "start", tmp_path / "none.mar", *arguments)
    assert line.startswith(
        f"error: there is no caddy beside {tmp_path / 'bin/python'}, nor on PATH"
    )
    assert "`make serve` installs it anew" in line


def test_an_old_java_is_named(
    mar: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "has no Java" in failure(capsys, "start", mar, "--run-dir", tmp_path / "run")


def test_a_server_that_already_runs_is_left_alone(
    mar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    folder.record(psutil.Process(), 8080, addresses_from("http://127.0.0.1:8080"))
    line = failure(capsys, "start", mar, "--run-dir", folder.path)
    assert f"already running from {folder.path} (process {os.getpid()}, port 8080)" in line
    assert folder.server() is not None


def test_ctrl_c_before_the_front_end_is_on_record_leaves_nothing(
    mar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def launch(_: Options, folder: RunFolder, __: Path) -> psutil.Process:
        config = str(folder.config.resolve())
        command = [sys.executable, "-c", "input()", "org.pytorch.serve.ModelServer", "-f", config]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        raise KeyboardInterrupt

    monkeypatch.setattr("server.start._launch", launch)
    run = tmp_path / "run"
    assert main(["start", str(mar), "--port", str(free_ports()), "--run-dir", str(run)]) == 130
    with started[0] as front_end:
        assert front_end.poll() is not None
    assert not (run / "tmp").exists()


def test_an_archive_that_is_swapped_after_the_check_is_not_served(
    mar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[bytes] = []

    def check(_: object) -> None:  # the last moment at which the file in the store is looked at
        mar.write_bytes(b"swapped")

    def launch(_: Options, folder: RunFolder, __: Path) -> psutil.Process:
        served.append((folder.archives / mar.name).read_bytes())
        raise KeyboardInterrupt

    monkeypatch.setattr("server.start._launch", launch)
    run = tmp_path / "run"
    arguments = ["start", str(mar), "--port", str(free_ports()), "--run-dir", str(run)]
    assert main(arguments) == 130
    assert served == [b"not read"]
    monkeypatch.setattr("server.start._check_verified", check)
    assert main(arguments) == 1
    assert served == [b"not read"]


def test_the_server_knows_no_archives_but_its_own(
    mar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(_: Options, folder: RunFolder, __: Path) -> psutil.Process:
        config = folder.config.read_text()
        assert f"\nmodel_store={folder.archives.resolve()}\n" in config
        assert "\nallowed_urls=(?!)\n" in config
        assert [path.name for path in folder.archives.iterdir()] == [mar.name]
        assert folder.archives.stat().st_mode & 0o777 == 0o700
        raise KeyboardInterrupt

    monkeypatch.setattr("server.start._launch", launch)
    run = tmp_path / "run"
    assert main(["start", str(mar), "--port", str(free_ports()), "--run-dir", str(run)]) == 130


def test_a_restart_that_cannot_start_stops_nothing(mar: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    folder.record(psutil.Process(), 8080, addresses_from("http://127.0.0.1:8080"))
    mar.write_bytes(b"tampered")
    assert main(["start", str(mar), "--restart", "--run-dir", str(folder.path)]) == 1
    assert folder.server() is not None


@pytest.mark.parametrize("port", ["0", "80", "65530", "-1"])
def test_ports_out_of_range_are_refused(
    mar: Path, port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "PORT must be in 1024..65529" in failure(capsys, "start", mar, f"--port={port}")


def test_no_workers_are_refused(mar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["start", str(mar), "--workers", "0"])
    assert "argument --workers: expected a whole number from 1" in capsys.readouterr().err


def test_all_ports_follow_from_the_first() -> None:
    ports = Ports.starting_at(9000)
    assert ports.all == tuple(range(9000, 9007))
    assert (ports.inference, ports.management, ports.metrics) == (9000, 9001, 9002)


def test_free_ports_pass() -> None:
    check_free(Ports.starting_at(free_ports()))


def test_each_of_the_five_ports_is_checked() -> None:
    ports = Ports.starting_at(free_ports())
    for port in ports.all:
        with (
            socket.create_server((HOST, port)),
            pytest.raises(StartError, match=f"port {port} is taken"),
        ):
            check_free(ports)


def test_a_traceback_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("Model server started.\nBackend worker process died.\n", encoding="utf-8")

    def arrive() -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write("ModuleNotFoundError: No module named 'no_such_module'\n")

    late = threading.Timer(0.3, arrive)
    late.start()
    assert _cause_of_death(tmp_path).startswith("ModuleNotFoundError")
    late.join()


@pytest.mark.parametrize(
    ("workers", "cores", "threads"), [(1, 2, 2), (2, 2, 2), (4, 2, 1), (3, 16, 11), (8, 1, 1)]
)
def test_workers_have_twice_their_share_of_the_cores(
    workers: int, cores: int, threads: int
) -> None:
    assert threads_for(workers, cores) == threads


@pytest.mark.parametrize(
    ("asked", "running", "cores", "wanted"),
    [
        *((None, 1, 2, 2), (None, 1, 64, 2), (None, 1, 1, 1)),
        (None, 4, 2, 4),  # minWorkers of the archive
        *((1, 1, 2, 1), (1, 4, 2, 1), (3, 1, 2, 3)),
    ],
)
def test_two_workers_start_unless_others_were_asked_for(
    asked: int | None, running: int, cores: int, wanted: int
) -> None:
    assert workers_for(asked, running, cores) == wanted
