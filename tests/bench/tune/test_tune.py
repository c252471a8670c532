"""Tuning: what is tried, chosen and written; measured on a simulated machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.lab.subject import Subject
from bench.tune import __main__ as tune
from bench.tune.knobs import Knob, Settings, Value, current, knobs, split
from bench.tune.search import Figures, Rounds, better, descend
from server.properties import get_properties

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = Path(__file__).parents[3] / "config"
MODEL = (CONFIG / "model-config.yaml").read_text(encoding="utf-8")
PROPERTIES = (CONFIG / "config.properties").read_text(encoding="utf-8")

BATCH = Knob("batchSize", (4, 8, 16), in_archive=True)
DELAY = Knob("maxBatchDelay", (1, 5), in_archive=True)
START: Settings = {"batchSize": 4, "maxBatchDelay": 5}


def search(
    machine: Callable[[Settings], Figures | None], p99_ms: float = 50, passes: int = 1
) -> tuple[Settings, list[tuple[str, Value, bool]]]:
    """Search on a machine that is a function of the settings."""

    def measure(best: Settings, candidate: Settings) -> Rounds | None:
        figures, against = machine(candidate), machine(best)
        assert against is not None
        return None if figures is None else [(against, figures)] * 2

    steps = list(descend(START, [BATCH, DELAY], measure, p99_ms, passes))
    trials = [(step.trial.name, step.trial.value, step.trial.taken) for step in steps]
    return steps[-1].best, trials


def test_the_fastest_of_each_setting_is_taken() -> None:
    best, trials = search(
        lambda s: Figures(100 * int(s["batchSize"]) / int(s["maxBatchDelay"]), 20)
    )
    assert best == {"batchSize": 16, "maxBatchDelay": 1}
    assert trials == [("batchSize", 8, True), ("batchSize", 16, True), ("maxBatchDelay", 1, True)]


def test_a_gain_within_the_noise_changes_nothing() -> None:
    best, trials = search(lambda s: Figures(100 + int(s["batchSize"]) / 10, 20))
    assert best == START
    assert not any(taken for _, _, taken in trials)


def test_what_wins_one_round_and_loses_another_is_not_taken() -> None:
    def measure(_: Settings, __: Settings) -> Rounds:
        return [(Figures(100, 20), Figures(120, 20)), (Figures(100, 20), Figures(101, 20))]

    (step,) = descend(START, [DELAY], measure, p99_ms=50)
    assert not step.trial.taken
    assert step.best == START
    assert step.trial.candidate == Figures(110.5, 20)


def test_throughput_beyond_the_bound_of_latency_is_refused() -> None:
    best, _ = search(
        lambda s: Figures(100 * int(s["batchSize"]), 5 * int(s["batchSize"])), p99_ms=45
    )
    assert best["batchSize"] == 8


def test_a_candidate_that_does_not_run_is_passed_over() -> None:
    best, trials = search(
        lambda s: None if s["batchSize"] == 8 else Figures(100 * int(s["batchSize"]), 20)
    )
    assert best["batchSize"] == 16
    assert ("batchSize", 8, False) in trials


def test_the_last_pass_is_one_without_a_change() -> None:
    _, trials = search(lambda s: Figures(100 * int(s["batchSize"]), 20), passes=5)
    assert [name for name, *_ in trials].count("maxBatchDelay") == 2


@pytest.mark.parametrize(
    ("candidate", "best", "expected"),
    [
        (Figures(110, 20), Figures(100, 20), True),
        (Figures(101, 20), Figures(100, 20), False),
        (Figures(500, 60), Figures(100, 20), False),  # too slow for some
        (Figures(90, 40), Figures(100, 60), True),  # fewer, but within the bound
        (Figures(90, 60), Figures(100, 80), True),  # neither is: the quicker one
        (Figures(500, 79.5), Figures(100, 80), False),
    ],
)
def test_better(candidate: Figures, best: Figures, expected: bool) -> None:
    assert better(candidate, best, p99_ms=50) is expected


def test_only_settings_that_the_files_have_are_turned() -> None:
    found = {knob.name for knob in knobs(MODEL, PROPERTIES, cores=2)}
    assert {"minWorkers", "batchSize", "maxBatchDelay", "vmargs"} <= found
    assert not knobs("topic: 1\n", "x=1\n", cores=2)


def test_the_jvms_options_differ_in_the_collector_only() -> None:
    vmargs = next(knob for knob in knobs(MODEL, PROPERTIES, cores=2) if knob.name == "vmargs")
    assert len(set(vmargs.values)) == 4
    for value in vmargs.values:
        assert "-XX:+ExitOnOutOfMemoryError" in str(value)
        assert str(value).count("-XX:+Use") == 1


def test_current_values_and_where_they_stand() -> None:
    all_knobs = knobs(MODEL, PROPERTIES, cores=2)
    settings = current(all_knobs, MODEL, PROPERTIES)
    model, properties = split(all_knobs, settings)
    assert set(model) | set(properties) == {knob.name for knob in all_knobs}
    assert properties.items() <= get_properties(PROPERTIES).items()


def test_write_puts_the_best_into_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config"
    shutil.copytree(CONFIG, config)
    monkeypatch.setattr(tune, "CONFIG", config)
    nothing = Subject(tmp_path, tmp_path, tmp_path, tmp_path, (), ())
    monkeypatch.setattr(tune, "find_photos", lambda _: ())
    monkeypatch.setattr(tune, "prepare", lambda *_: nothing)

    def measure(_: Any, best: Settings, candidate: Settings) -> Rounds:
        old, new = (Figures(100.0 * int(s["batchSize"]), 20) for s in (best, candidate))
        return [(old, new)]

    monkeypatch.setattr(tune.Tuner, "measure", measure)
    arguments = ["--photos", "x", "--work", str(tmp_path / "work"), "--write"]
    assert tune.main(arguments) == 0
    text = (config / "model-config.yaml").read_text(encoding="utf-8")
    assert "batchSize: 32" in text
    assert text.count("#") == MODEL.count("#")
    assert (config / "config.properties").read_text(encoding="utf-8") == PROPERTIES
    assert "Best: batchSize=32" in capsys.readouterr().out
