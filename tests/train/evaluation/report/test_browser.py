"""The page in a real Chromium: readers see what the file contains."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import press
from tests.train.evaluation.report.answers import foreign_results
from tests.train.evaluation.report.test_page import HOSTILE, page_of_hostile_names
from train.evaluation.report.grammar import STRIP, read_results
from train.evaluation.report.page import format_number, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Request, ViewportSize

pytestmark = pytest.mark.browser
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}


@pytest.fixture
def report(evaluated: Path) -> Path:
    return evaluated / "analysis-val/report.html"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that may neither complain nor ask for anything."""
    page = browser.new_page(viewport=DESKTOP, locale="en-GB")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))

    def watch(request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            complaints.append(request.url)

    page.on("request", watch)
    yield page
    assert complaints == []
    page.close()


def open_page(page: Page, path: Path, language: str = "en-us") -> None:
    page.goto(path.as_uri())
    if language != "en-us":
        page.locator(f"label[for=show-{language}]").click()


@pytest.mark.parametrize("language", ["en-us", "zh-cn"])
def test_every_number_on_the_page_is_in_the_file(page: Page, report: Path, language: str) -> None:
    open_page(page, report, language)
    results = read_results(report.with_name("model_analysis_results.json"))
    performance = results[language]["precision_performance"]
    accuracy = performance["accuracy"]["value"]
    percent = f"{100 * accuracy['accuracy']:.1f}"
    assert page.locator("h1:visible strong").inner_text().removesuffix("%").strip() == percent
    for section in results[language].values():
        for name, operator in section.items():
            if name in (STRIP, "advice"):
                continue
            # The headline's operator is shown without a card.
            where = ".hero:visible" if name == "accuracy" else f"[data-operator={name}]:visible"
            shown = numbers_on(page, where)
            assert numbers_of(operator) <= set(shown), name
            for value, text in shown.items():
                assert text in (format_number(value), f"{100 * value:.1f} %", f"{100 * value:.1f}%")


def numbers_on(page: Page, where: str) -> dict[float, str]:
    """The numbers in a part of the page: what the file has, to what is read."""
    found: list[list[str]] = page.locator(where).evaluate(
        "e => [...e.querySelectorAll('[data-value]')].map(c => [c.dataset.value, c.textContent])"
    )
    values = [(json.loads(value), text.strip()) for value, text in found]
    return {value: text for value, text in values if isinstance(value, int | float)}


def numbers_of(operator: dict[str, Any]) -> set[float]:
    """The values, cells, slices and columns of an operator; curves are drawn."""
    numbers = list(operator["value"].values())
    for table in operator["table"].values():
        numbers += [cell for row in table["cell_value"] for cell in row]
    for chart in operator["pie_chart"].values():
        numbers += chart["value"]
    for chart in operator["column_chart"].values():
        numbers += chart["y_value"]
    return {number for number in numbers if isinstance(number, int | float)}


def test_rows_of_the_confusion_matrix_are_actual_classes(page: Page, report: Path) -> None:
    open_page(page, report)
    results = read_results(report.with_name("model_analysis_results.json"))
    matrix = results["en-us"]["precision_performance"]["confusion_matrix"]["table"]
    rows = page.locator("table.matrix:visible tbody tr")
    cells = [[int(text) for text in row.locator("td").all_inner_texts()] for row in rows.all()]
    in_the_file = matrix["confusion_matrix"]["cell_value"]  # rows are predicted classes there
    assert cells == [list(column) for column in zip(*in_the_file, strict=True)]
    corner = page.locator("table.matrix:visible thead th").first.inner_text()
    assert corner == "actual \\ predicted"
    assert rows.locator("th").all_inner_texts() == matrix["confusion_matrix"]["row_labels"]


def test_the_contents_lead_to_the_mistakes_first(page: Page, report: Path) -> None:
    open_page(page, report)
    links = page.locator(".contents:visible a")
    assert links.first.get_attribute("href") == "#mistakes"
    for link in links.all():
        assert page.locator(str(link.get_attribute("href"))).is_visible()
    places = [
        page.locator(f"{name}:visible").first.bounding_box() for name in (".mistakes", "h2[id]")
    ]
    assert places[0]
    assert places[1]
    assert places[0]["y"] < places[1]["y"]


def test_the_language_switches(page: Page, report: Path) -> None:
    open_page(page, report)
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.get_by_role("heading", name="Confusion matrix").is_visible()
    assert not page.get_by_role("heading", name="混淆矩阵").is_visible()
    press(page, "Tab")  # the switch is the first thing that the keyboard reaches
    press(page, "ArrowRight")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.title().startswith("评估报告")
    assert page.get_by_role("heading", name="混淆矩阵").is_visible()
    assert not page.get_by_role("heading", name="Confusion matrix").is_visible()
    assert "Evaluation" not in page.locator("main").inner_text()


def test_a_chinese_browser_sees_chinese_first(browser: Browser, report: Path) -> None:
    page = browser.new_page(locale="zh-CN")
    open_page(page, report)
    assert page.get_by_role("heading", name="混淆矩阵").is_visible()
    page.close()


def test_the_language_switches_without_scripts(browser: Browser, report: Path) -> None:
    page = browser.new_page(java_script_enabled=False)
    open_page(page, report, "zh-cn")
    assert page.get_by_role("heading", name="混淆矩阵").is_visible()
    page.close()


@pytest.mark.parametrize("language", ["en-us", "zh-cn"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_screen(
    page: Page, report: Path, viewport: ViewportSize, language: str
) -> None:
    page.set_viewport_size(viewport)
    open_page(page, report, language)
    for details in page.locator("details:visible").all():
        details.locator("summary").click()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == viewport["width"]


def test_hostile_names_and_foreign_files_do_no_harm(page: Page, tmp_path: Path) -> None:
    pages = {
        "ours": page_of_hostile_names(),
        "theirs": render(foreign_results(HOSTILE), (), "theirs.json"),
        "empty": render({"en-us": {}}, (), "empty.json"),
    }
    page.set_viewport_size(PHONE)
    for name, content in pages.items():
        (tmp_path / f"{name}.html").write_text(content, encoding="utf-8")
        open_page(page, tmp_path / f"{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        assert page.locator("img").count() == 0


def test_pictures_are_shown(page: Page, report: Path) -> None:
    open_page(page, report)
    pictures = page.locator("#mistakes .gallery img")
    strip = read_results(report.with_name("model_analysis_results.json"))["en-us"][
        "precision_performance"
    ][STRIP]
    assert pictures.count() == 2 * len(strip) > 0
    widths = pictures.evaluate_all("images => images.map(image => image.naturalWidth)")
    assert set(widths) == {168}


def test_it_follows_a_dark_screen_and_prints(page: Page, report: Path) -> None:
    open_page(page, report)
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) != light
    page.emulate_media(media="print", color_scheme="light")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    assert not page.locator(".languages").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")
