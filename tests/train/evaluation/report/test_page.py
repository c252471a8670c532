"""The page without a browser: escaping, policy, foreign files, and the command."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.train.evaluation.report.answers import foreign_results, make_answers
from train.evaluation.figures import compute
from train.evaluation.report.__main__ import main
from train.evaluation.report.charts import draw_bars, draw_lines, draw_ring, ticks
from train.evaluation.report.gallery import Pictures
from train.evaluation.report.page import format_number, render
from train.evaluation.report.results import build_results

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}"


class Elements(HTMLParser):
    """The start tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Collect a text."""
        self.text += data


def page_of_hostile_names() -> str:
    answers = make_answers(
        [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]], [0, 1, 1], class_names=(HOSTILE, "roses")
    )
    return render(build_results(answers, compute(answers)), (), f"{HOSTILE}/results.json")


def test_names_are_escaped_everywhere() -> None:
    for page in (page_of_hostile_names(), render(foreign_results(HOSTILE), (), HOSTILE)):
        elements = Elements(page)
        assert [tag for tag, _ in elements.tags].count("script") == 1
        assert not any(name.startswith("on") for _, attrs in elements.tags for name in attrs)
        assert "img" not in {tag for tag, _ in elements.tags}
        assert HOSTILE in elements.text


def test_the_policy_allows_our_own_script_and_style_and_nothing_else() -> None:
    page = page_of_hostile_names()
    policy = next(attrs["content"] for tag, attrs in Elements(page).tags if "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert found
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    # A style attribute would be refused by it, silently.
    assert not any("style" in attrs for _, attrs in Elements(page).tags)


def test_suspect_labels_are_escaped_too() -> None:
    columns = ("path", "label", "suggested", "p_label", "p_suggested")
    picture = Pictures("data:image/jpeg;base64,AAAA", "")
    suspects = [(dict.fromkeys(columns, HOSTILE), picture)]
    elements = Elements(render(foreign_results("daisy"), (), "results.json", suspects))
    assert [tag for tag, _ in elements.tags].count("script") == 1
    assert [attrs["src"] for tag, attrs in elements.tags if tag == "img"] == [picture.photo]
    assert HOSTILE in elements.text


def test_nothing_comes_from_elsewhere() -> None:
    pictures = (Pictures("data:image/jpeg;base64,AAAA", "data:image/jpeg;base64,BBBB"),)
    for page in (page_of_hostile_names(), render(foreign_results(), pictures, "theirs.json")):
        for _, attrs in Elements(page).tags:
            for name in ("src", "href"):
                assert (attrs.get(name) or "data:").startswith(("data:", "#"))


def test_a_file_of_another_program_in_one_language() -> None:
    page = render(foreign_results(), (), "theirs.json")
    elements = Elements(page)
    assert ("html", {"lang": "zh-CN"}) in elements.tags
    assert "input" not in {tag for tag, _ in elements.tags}  # there is nothing to switch to
    assert "猫 混淆矩阵" in elements.text
    assert ">1,000</td>" in page
    assert "obs://bucket/猫.jpg" in elements.text


def test_the_emptiest_file() -> None:
    assert "Evaluation report" in render({"en-us": {}}, (), "empty.json")


def test_pictures_go_with_their_samples() -> None:
    pictures = (Pictures("data:image/jpeg;base64,AAAA", "data:image/jpeg;base64,BBBB"),)
    page = render(foreign_results(), pictures, "theirs.json")
    sources = [attrs["src"] for tag, attrs in Elements(page).tags if tag == "img"]
    assert sources == [pictures[0].photo, pictures[0].evidence]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "model_analysis_results.json"
    file.write_text(json.dumps(foreign_results()), encoding="utf-8")
    assert main([str(file)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'report.html'}\n"
    assert main([str(tmp_path), "--output", str(tmp_path / "new/page.html")]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "new/page.html").read_text(encoding="utf-8") == page
    file.write_text("{}")
    assert main([str(file)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {file}: not in the grammar")


def test_the_command_gives_the_same_page_as_the_evaluation(evaluated: Path, tmp_path: Path) -> None:
    folder = evaluated / "analysis-val"
    assert main([str(folder), "--output", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_bytes() == (folder / "report.html").read_bytes()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12345, "12,345"),
        (0.81273, "0.813"),
        (98304.0, "98,304"),
        (85.25, "85.25"),
        ("a", "a"),
    ],
)
def test_numbers_read_well(value: object, text: str) -> None:
    assert format_number(value) == text


NUMBERS = st.floats(-1e99, 1e99) | st.integers(-3, 3)


@given(NUMBERS, NUMBERS)
def test_ticks_are_few_and_in_the_range(one: float, other: float) -> None:
    chart = {"curve": {"a": [[one, other], [other, one]]}}
    drawn = draw_lines(chart)
    for positions, low, high in ((drawn.x_ticks, 56, 408), (drawn.y_ticks, 10, 232)):
        assert 1 <= len(positions) <= 7
        assert all(low - 1 <= position <= high + 1 for position, _ in positions)


def test_ticks_are_round() -> None:
    assert [text for _, text in ticks(0, 1)] == ["0", "0.25", "0.5", "0.75", "1"]
    assert [text for _, text in ticks(3, 103)] == ["25", "50", "75", "100"]


def test_shapes_are_in_proportion() -> None:
    slices = draw_ring({"label": ["a", "b"], "value": [1, 3]})
    assert [(one.start, one.length) for one in slices] == [(0, 25), (25, 75)]
    bars = draw_bars({"x_value": ["a", "b"], "y_value": [0.25, 0.5], "y_axis_range": [0, 1]})
    assert [bar.percent for bar in bars] == [25, 50]
    bars = draw_bars({"x_value": ["a", "b"], "y_value": [0.01, 0.02], "y_axis_range": [0, 1]})
    assert [bar.percent for bar in bars] == [50, 100]  # else nothing would be seen
    bars = draw_bars({"x_value": ["a", "b"], "y_value": [-5, 0]})
    assert [bar.percent for bar in bars] == [0, 0]
    chart = draw_lines({"curve": {"up": [[0, 0], [1, 1]], "flat": [[0, 0.5], [1, 0.5]]}})
    assert [series.style for series in chart.series] == ["reference", "c1"]
    assert chart.series[1].path == "M56 121L408 121"
