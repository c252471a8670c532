"""A training in MLflow: a run of its own, continued when it is resumed."""

from __future__ import annotations

import contextlib
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from train.errors import TrackingError
from train.fit.tracking import check_tracking, tracked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from train.recipe import Recipe


class StandIn:
    """Records what MLflow would be told."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.params: dict[str, Any] = {}
        self.metrics: list[tuple[int, dict[str, float]]] = []

    def start_run(self, run_id: str | None, run_name: str) -> Any:
        """Start or continue a run, as `mlflow.start_run` does."""
        self.runs.append(run_id or f"new {run_name}")

        @contextlib.contextmanager
        def run() -> Iterator[None]:
            yield

        context: Any = run()
        context.info = SimpleNamespace(run_id="abc")
        return context

    def log_params(self, params: dict[str, Any]) -> None:
        """Take parameters, once for each run."""
        assert not self.params
        self.params = params

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        """Take an epoch's figures."""
        self.metrics.append((step, metrics))


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, "mlflow", stand_in)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    return stand_in


def test_epochs_and_recipe_are_logged_and_a_resumed_training_continues_its_run(
    mlflow: StandIn, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    with tracked(tmp_path, tiny_recipe, 0) as log:
        log({"accuracy/val": 0.5}, 1)
    with tracked(tmp_path, tiny_recipe, 1) as log:
        log({"accuracy/val": 0.75}, 2)
    assert mlflow.runs == [f"new {tiny_recipe.name}", "abc"]
    assert mlflow.params["lr"] == tiny_recipe.lr
    assert mlflow.metrics == [(1, {"accuracy/val": 0.5}), (2, {"accuracy/val": 0.75})]


def test_a_training_that_starts_over_is_another_run(
    mlflow: StandIn, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    with tracked(tmp_path, tiny_recipe, 0):
        pass
    mlflow.params = {}
    with tracked(tmp_path, tiny_recipe, 0):
        pass
    assert mlflow.runs == [f"new {tiny_recipe.name}"] * 2


def test_without_the_variable_nothing_is_logged(
    mlflow: StandIn, monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    check_tracking()
    with tracked(tmp_path, tiny_recipe, 0) as log:
        log({"accuracy/val": 0.5}, 1)
    assert not mlflow.runs
    assert not list(tmp_path.iterdir())


def test_mlflow_that_is_wanted_and_missing_is_told_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "runs")
    with pytest.raises(TrackingError, match="MLflow is not installed: run"):
        check_tracking()


def test_a_server_that_does_not_answer_is_one_line(
    mlflow: StandIn, monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    def refuse(**_: object) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(mlflow, "start_run", refuse)
    with (
        pytest.raises(TrackingError, match=r"5000: no run can be started there \(refused\)"),
        tracked(tmp_path, tiny_recipe, 0),
    ):
        pass
