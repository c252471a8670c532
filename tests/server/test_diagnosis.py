"""The cause of a failed start, found in the logs that TorchServe leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from server.diagnosis import cause, worker_died

if TYPE_CHECKING:
    from pathlib import Path

WORKER = """\
Backend worker process died.
Traceback (most recent call last):
  File "ts/model_loader.py", line 108, in load
ModuleNotFoundError: No module named 'no_such_module'
During handling of the above exception, another exception occurred:
Traceback (most recent call last):
ModuleNotFoundError: No module named 'ts.torch_handler.resnet_handler'
"""


def as_json(text: str) -> str:
    """Write lines as config/log4j2.xml has them written."""
    return "".join(
        json.dumps({"time": "2026-01-01T10:00:00.000Z", "message": line}) + "\n"
        for line in text.splitlines()
    )


def test_the_error_behind_the_misleading_second_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "worker.log").write_text(as_json(WORKER), encoding="utf-8")
    assert worker_died(tmp_path)
    assert cause(tmp_path) == "ModuleNotFoundError: No module named 'no_such_module'"


def test_errors_with_a_dotted_name_are_found(tmp_path: Path) -> None:
    line = "classifier.errors.ModelError: model.json: not a description\n"
    (tmp_path / "worker.log").write_text(as_json(line), encoding="utf-8")
    assert cause(tmp_path) == "classifier.errors.ModelError: model.json: not a description"


def test_an_exception_that_was_logged_with_its_message_is_found(tmp_path: Path) -> None:
    entry = {"message": "cannot start", "error": "java.net.BindException: in use\n\tat sun.nio.ch"}
    (tmp_path / "server.log").write_text(json.dumps(entry) + "\n", encoding="utf-8")
    assert cause(tmp_path) == "java.net.BindException: in use"


@pytest.mark.parametrize("name", ["server.log", "console.log"])
def test_the_front_ends_own_error_is_found(tmp_path: Path, name: str) -> None:
    text = "INFO starting\njava.net.BindException: Address already in use\n\tat sun.nio.ch\n"
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert cause(tmp_path) == "java.net.BindException: Address already in use"


def test_the_consoles_last_line_is_better_than_nothing(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text("a\nNo space left on device\n", encoding="utf-8")
    assert cause(tmp_path) == "No space left on device"


def test_without_logs_there_is_no_cause_to_tell(tmp_path: Path) -> None:
    assert not worker_died(tmp_path)
    assert cause(tmp_path) == "its logs are empty"
