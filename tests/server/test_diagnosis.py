"""The cause of a failed start, found in the logs that TorchServe leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.diagnosis import cause, worker_died

if TYPE_CHECKING:
    from pathlib import Path

WORKER = """\
2026-01-01T10:00:00,000 Backend worker process died.
2026-01-01T10:00:00,001 Traceback (most recent call last):
2026-01-01T10:00:00,002   File "ts/model_loader.py", line 108, in load
2026-01-01T10:00:00,003 ModuleNotFoundError: No module named 'no_such_module'
2026-01-01T10:00:00,004 During handling of the above exception, another exception occurred:
2026-01-01T10:00:00,005 Traceback (most recent call last):
2026-01-01T10:00:00,006 ModuleNotFoundError: No module named 'ts.torch_handler.resnet_handler'
"""


def test_the_error_behind_the_misleading_second_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "worker.log").write_text(WORKER, encoding="utf-8")
    assert worker_died(tmp_path)
    assert cause(tmp_path) == "ModuleNotFoundError: No module named 'no_such_module'"


def test_errors_with_a_dotted_name_are_found(tmp_path: Path) -> None:
    line = "2026-01-01T10:00:00,000 classifier.errors.ModelError: model.json: not a description\n"
    (tmp_path / "worker.log").write_text(line, encoding="utf-8")
    assert cause(tmp_path) == "classifier.errors.ModelError: model.json: not a description"


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
    assert cause(tmp_path) == "its logs say nothing"
