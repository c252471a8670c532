"""The page of `make ui` in a real Chromium, with a real TorchServe."""

from __future__ import annotations

import base64
import csv
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from classifier.reference import draw_png
from client.errors import RequestRejected
from server.ports import HOST, free_ports
from tests.browser import press
from tests.models import CLASSES
from tests.ui.process import page_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.e2e.served import Served

pytestmark = [pytest.mark.browser, pytest.mark.e2e]
DESKTOP: ViewportSize = {"width": 1180, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
PATIENCE_MS = 300_000
TABS_TO_THE_PHOTOS = 30  # at most; a page that needs more hides them from the keyboard
# Hands files to a target as a browser does when they are dropped or pasted.
HAND_OVER = """(target, [kind, name, type, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, {type}));
  const event = kind === "drop"
    ? new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true})
    : new ClipboardEvent("paste", {clipboardData: data, bubbles: true});
  target.dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def corrections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page saves corrected photos."""
    return tmp_path_factory.mktemp("page") / "my corrections"


@pytest.fixture(scope="module")
def url(served: Served, corrections: Path) -> Iterator[str]:
    """The page of the server that all tests share, started by `make ui`."""
    port = free_ports()
    command = [
        *("make", "--silent", "ui", f"PORT={served.port}", f"RUN_DIR={served.run_dir}"),
        *(f"UI_PORT={port}", f"COMPARE=http://localhost:{served.port}"),
        f"COMPARE_RUN_DIR={served.run_dir}",
        f"ARGS=--corrections '{corrections}'",
    ]
    with page_of(command) as url:
        assert url == f"http://{HOST}:{port}"
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The page, which may neither complain nor ask anybody else."""
    page = browser.new_page(viewport=DESKTOP, locale="en-GB")
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    allowed = (url, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(allowed) else complaints.append(r.url))
    page.goto(url)
    expect(page.locator("[data-fact=version]")).to_contain_text("1.0")
    yield page
    assert complaints == []
    page.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One drawn photo of each class of the tests' model."""
    folder = tmp_path_factory.mktemp("pictures")
    for drawing in CLASSES.values():
        (folder / f"{drawing}.png").write_bytes(draw_png(drawing))
    return sorted(folder.iterdir())


def hand_over(page: Page, kind: str, path: Path) -> None:
    content = base64.b64encode(path.read_bytes()).decode()
    target = page.locator(".photos button").first if kind == "drop" else page.locator("body")
    target.evaluate(HAND_OVER, [kind, path.name, "image/png", content])


def choose(page: Page, files: list[Any]) -> None:
    page.locator(".photos input[type=file]").first.set_input_files(files)


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_photo_gets_its_label_and_its_map(
    page: Page, served: Served, pictures: list[Path], kind: str
) -> None:
    hand_over(page, kind, pictures[0])
    right = served.inference.predict(pictures[0])
    expect(page.locator(".answer strong")).to_have_text(right.label)
    expect(page.locator(".answer span")).to_have_text(f"{100 * right.probability:.1f} %")
    expect(page.locator(".bars .class")).to_have_text([name for name, _ in right.scores])
    expect(page.locator(".photo .heat")).to_be_visible()
    expect(page.locator(".timing h3")).to_contain_text("ms round trip")
    expect(page.locator(".timing li")).to_have_count(3)


def test_the_slider_sets_the_strength_of_the_map(page: Page, pictures: list[Path]) -> None:
    choose(page, [pictures[0]])
    slider = page.locator("input[type=range]")
    slider.fill("0")
    expect(page.locator(".photo .heat")).to_have_css("opacity", "0")


def test_a_text_file_gets_the_servers_own_message(
    page: Page, served: Served, tmp_path: Path
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("no picture at all")
    choose(page, [note])
    with pytest.raises(RequestRejected) as refused:
        served.inference.predict(note)
    expect(page.locator(".problem p")).to_have_text(str(refused.value))


def test_many_photos_become_a_table_and_a_csv(
    page: Page, served: Served, pictures: list[Path], tmp_path: Path
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("no picture at all")
    files = [*pictures, note]
    choose(page, files)
    expect(page.locator(".results tbody th")).to_have_text([path.name for path in files])
    labels = [served.inference.predict(path).label for path in pictures]
    expect(page.locator(".results td b")).to_have_text(labels)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [*labels, ""]
    assert "expected" in rows[-1]["error"]


def test_the_language_can_be_switched_with_an_answer_on_show(
    page: Page, pictures: list[Path]
) -> None:
    choose(page, [pictures[0]])
    label = page.locator(".answer strong").inner_text()
    page.get_by_label("中文").check()
    expect(page.get_by_role("heading", level=1)).to_have_text("试用模型")
    expect(page.locator(".timing h3")).to_contain_text("往返")
    expect(page.locator(".answer strong")).to_have_text(label)
    expect(page.locator("html")).to_have_attribute("lang", "zh")


def test_the_lines_to_copy_name_the_photo_and_hold_no_key(
    page: Page, served: Served, pictures: list[Path]
) -> None:
    choose(page, [pictures[0]])
    expect(page.locator(".answer strong")).to_be_visible()
    page.get_by_role("button", name="Do the same from your code").click()
    expect(page.locator(".cm-content").first).to_contain_text(pictures[0].name)
    for key in (served.tokens.current("inference"), served.tokens.current("management")):
        assert key is not None
        assert key not in page.content()


def test_the_keyboard_is_enough(page: Page, pictures: list[Path]) -> None:
    for _ in range(TABS_TO_THE_PHOTOS):
        press(page, "Tab")
        if page.evaluate("Boolean(document.activeElement.closest('.photos button'))"):
            break
    with page.expect_file_chooser() as chooser:
        press(page, "Enter")
    chooser.value.set_files([pictures[0]])
    expect(page.locator(".answer strong")).to_be_visible()


def test_a_narrow_phone_shows_everything_without_scrolling_sideways(
    page: Page, pictures: list[Path]
) -> None:
    page.set_viewport_size(PHONE)
    choose(page, [*pictures])
    expect(page.locator(".results tbody tr")).to_have_count(len(pictures))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_wrong_answers_are_corrected_and_kept_for_training(
    page: Page, pictures: list[Path], corrections: Path
) -> None:
    choose(page, [*pictures])
    row = page.locator(".batch tbody tr").first
    row.get_by_role("combobox").select_option(index=1)
    right = row.get_by_role("combobox").input_value()
    page.get_by_role("button", name="Save the corrected photos").click()
    expect(page.locator(".kept")).to_contain_text(f"{right} 1")
    (kept,) = (path for path in corrections.rglob("*") if path.is_file())
    assert kept.parent.name == right
    assert kept.read_bytes() == pictures[0].read_bytes()


def test_the_table_is_sorted_and_filtered(page: Page, pictures: list[Path]) -> None:
    choose(page, [*pictures])
    rows = page.locator(".batch tbody tr:visible")
    expect(rows).to_have_count(len(pictures))
    button = page.get_by_role("button", name="Confidence")
    for order in ("ascending", "descending"):
        button.click()
        expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", order)
        found = [float(str(row.get_attribute("data-confidence"))) for row in rows.all()]
        assert found == sorted(found, reverse=order == "descending")
    label = page.locator(".batch td b").first.inner_text()
    page.locator(".only-label").select_option(label)
    assert {row.get_attribute("data-label") for row in rows.all()} == {label}


def test_two_servers_are_compared_on_the_same_photos(page: Page, pictures: list[Path]) -> None:
    page.get_by_role("tab", name="Compare").click()
    expect(page.get_by_label("Model B")).to_have_value(re.compile("localhost"))
    page.locator(".photos input[type=file]").nth(1).set_input_files(pictures)
    expect(page.locator(".photos").nth(1)).to_contain_text(
        pictures[-1].stem
    )  # Gradio parts the name
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".comparison .headline strong")).to_have_text("100.0 %")
    expect(page.locator(".comparison tbody tr")).to_have_count(len(pictures))
