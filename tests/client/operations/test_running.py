"""The servers that run here, by what the kernel shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from client.operations.running import describe_others, running_servers

if TYPE_CHECKING:
    from pathlib import Path


def process(proc: Path, pid: int, *words: str) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "cmdline").write_bytes("\0".join(words).encode())


def folder(path: Path, port: int) -> Path:
    path.mkdir()
    (path / "config.properties").touch()
    (path / "server.json").write_text(json.dumps({"port": port}), encoding="utf-8")
    return path


def test_each_server_is_named_by_its_folder_and_port(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    here, there = folder(tmp_path / "my run", 9105), folder(tmp_path / "run", 9100)
    front_end = ("java", "-cp", "x", "org.pytorch.serve.ModelServer", "--ts-config")
    process(proc, 7, *front_end, str(here / "config.properties"))
    process(proc, 8, *front_end, str(there / "config.properties"))
    process(proc, 9, "less", str(there / "config.properties"))
    process(proc, 10, *front_end, str(tmp_path / "gone" / "config.properties"))
    assert running_servers(proc) == [(there, 9100), (here, 9105)]
    assert describe_others(there, proc) == f"running elsewhere: RUN_DIR={here} (port 9105)"


def test_where_the_kernel_shows_nothing_none_is_found(tmp_path: Path) -> None:
    assert running_servers(tmp_path / "none") == []
    assert describe_others(tmp_path, tmp_path / "none") == ""
