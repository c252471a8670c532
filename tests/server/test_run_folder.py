"""The record of what runs from a folder, and stopping it."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from client.api.addresses import addresses_from
from client.api.trust import Trust
from client.run_record import contradiction, read_run_record, recorded_port
from server.__main__ import main
from server.errors import StartError
from server.stop import end, stop

if TYPE_CHECKING:
    from pathlib import Path

    from server.run_folder import RunFolder

ADDRESSES = addresses_from("http://127.0.0.1:65000")


def test_only_the_owner_can_look_into_it(folder: RunFolder) -> None:
    for path in (folder.path, folder.logs, folder.temporary):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_recorded_process_is_found_while_it_lives(
    folder: RunFolder, process: psutil.Process
) -> None:
    folder.record(process, 9000, ADDRESSES)
    assert folder.server() == (process, 9000)
    process.kill()
    process.wait()
    assert folder.server() is None


def test_clients_learn_from_the_record_where_the_server_is(
    folder: RunFolder, process: psutil.Process, tmp_path: Path
) -> None:
    assert read_run_record(folder.path) is None
    folder.record(process, 65000, ADDRESSES, tmp_path / "certificate.pem")
    assert read_run_record(folder.path) == (
        ADDRESSES,
        Trust(pinned=tmp_path / "certificate.pem"),
    )
    assert recorded_port(folder.path) == 65000
    assert contradiction(folder.path, None) is contradiction(folder.path, 65000) is None
    assert f"RUN_DIR={folder.path} is the server on port 65000, not 9000" in str(
        contradiction(folder.path, 9000)
    )
    (folder.path / "server.json").write_text("[]", encoding="utf-8")
    assert read_run_record(folder.path) is None


def test_a_process_id_that_was_given_to_somebody_else_is_not_the_server(
    folder: RunFolder, process: psutil.Process
) -> None:
    entry = {"pid": process.pid, "created": process.create_time() - 100, "port": 9000}
    (folder.path / "server.json").write_text(json.dumps(entry), encoding="utf-8")
    assert folder.server() is None
    assert stop(folder, grace_s=0) is False
    assert process.is_running()
    assert folder.temporary.is_dir()  # it may be in use


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x"}'])
def test_a_damaged_record_counts_as_no_server(folder: RunFolder, text: str) -> None:
    (folder.path / "server.json").write_text(text, encoding="utf-8")
    assert folder.server() is None


def test_stopping_ends_the_process_and_leaves_only_its_logs(
    folder: RunFolder, process: psutil.Process
) -> None:
    folder.record(process, 65000, ADDRESSES)
    folder.key_file.write_text("{}", encoding="utf-8")
    (folder.temporary / "models").mkdir()
    assert stop(folder, grace_s=0) is True
    assert not process.is_running()
    assert folder.server() is None
    assert [path.name for path in folder.path.iterdir()] == ["logs"]


def test_what_another_start_has_put_there_meanwhile_stays(
    folder: RunFolder, process: psutil.Process
) -> None:
    former = psutil.Popen([sys.executable, "-c", ""])
    former.wait()
    folder.record(process, 65000, ADDRESSES)
    end(former, folder)
    assert folder.server() == (process, 65000)
    assert folder.temporary.is_dir()


def test_only_one_start_or_stop_has_the_folder_at_a_time(folder: RunFolder) -> None:
    with folder.locked():
        other = os.open(folder.path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_a_folder_of_other_things_is_not_emptied(folder: RunFolder) -> None:
    folder.check_own()
    (folder.logs / "of something else").touch()
    with pytest.raises(
        StartError, match=r"not a server's folder, and starting would empty .*RUN_DIR"
    ):
        folder.check_own()
    folder.config.touch()
    folder.check_own()


def test_stopping_nothing_is_no_error(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop", "--run-dir", str(folder.path)]) == 0
    assert capsys.readouterr().out == f"no server is running from {folder.path}\n"


def test_logs_of_a_server_that_never_ran_name_the_remedy(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logs", "--run-dir", str(folder.path)]) == 1
    assert "make serve" in capsys.readouterr().err


def test_logs_shows_the_last_lines_of_each_file(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.logs / "server.log").write_text("one\ntwo\nthree\n", encoding="utf-8")
    (folder.logs / "empty.log").touch()
    assert main(["logs", "--run-dir", str(folder.path), "--lines", "2"]) == 0
    assert capsys.readouterr().out == f"==> {folder.logs / 'server.log'} <==\ntwo\nthree\n\n"
