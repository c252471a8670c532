"""The quality of a served model, measured through the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench.quality.__main__ import main
from classifier.reference import REFERENCE_NAMES, draw_png

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e


def test_figures_are_those_of_the_server(
    served: Served, data_set_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = tmp_path / "others"
    others.mkdir()
    (others / "drawn.png").write_bytes(draw_png(REFERENCE_NAMES[0]))
    report = tmp_path / "quality.md"
    code = main(
        [
            *("--server", served.url, "--run-dir", str(served.run_dir)),
            *("--data-url", str(data_set_folder), "--others", str(others)),
            *("--output", str(report)),
        ]
    )
    assert (code, capsys.readouterr().out) == (0, report.read_text(encoding="utf-8"))
    content = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))

    photos = sorted((data_set_folder / "val").glob("*/*"))
    answers = [served.inference.predict(photo) for photo in photos]
    right = sum(a.label == photo.parent.name for a, photo in zip(answers, photos, strict=True))
    plain = content["conditions"]["as they are"]
    assert plain["accuracy"] == pytest.approx(right / len(photos))
    assert plain["images"] == len(photos)
    drawn = served.inference.explain(others / "drawn.png")
    scores = {"confidence": drawn["probability"], "similarity": drawn["similarity"]}
    assert content["others"] == {"drawn.png": pytest.approx(scores)}
    similar = [served.inference.explain(photo)["similarity"] for photo in photos]
    rejected = sum(value < content["below"]["similarity"] for value in similar) / len(photos)
    assert plain["rejected"]["similarity"] == pytest.approx(rejected)


def test_without_a_server_the_remedy_is_named(
    data_set_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = ["--server", "http://127.0.0.1:9", "--run-dir", str(tmp_path)]
    code = main([*place, "--data-url", str(data_set_folder)])
    assert code == 1
    assert "is the server running?" in capsys.readouterr().err
