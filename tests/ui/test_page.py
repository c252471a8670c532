"""The page in Chromium before a server that only answers: what each state shows, and to whom.

`tests.e2e.test_ui` opens it before a real TorchServe.
"""

from __future__ import annotations

import base64
import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from PIL import Image
from playwright.sync_api import expect

from server.ports import HOST, free_ports
from tests.e2e.served import ROOT
from tests.ui.fake_server import FLOWERS, FakeModel
from tests.ui.process import page_of
from ui.texts import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import Browser, Page, ViewportSize

pytestmark = pytest.mark.browser
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PATIENCE_MS = 120_000
_AT_REST = """() => document.getAnimations().every(
    (one) => one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity
)"""
PETS = FakeModel(
    ("cat", "dog", "parrot"),
    name="pets",
    has_map=False,
    facts={"runtime_accuracy": {}, "val_accuracy": "never measured"},
)


@contextmanager
def page(*options: str) -> Iterator[str]:
    """Serve the page; gives its URL."""
    python = ROOT / ".venv-ui/bin/python"
    if not python.exists():
        pytest.skip("no environment of the page: make .venv-ui/installed")
    port = free_ports()
    keys = {f"MARIGOLD_{kind}_KEY": "key" for kind in ("INFERENCE", "MANAGEMENT")}
    with page_of([python, "-m", "ui", *options, "--page-port", str(port)], keys) as url:
        assert url == f"http://{HOST}:{port}"
        yield url


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The pages of a model of flowers and of one of pets, each compared with the other."""
    with FakeModel().serving() as flowers, PETS.serving() as pets:
        kept = str(tmp_path_factory.mktemp("page") / "corrections")
        other = ("--compare", f"http://{HOST}:{pets}", "--corrections", kept)
        back = ("--compare", f"http://{HOST}:{flowers}", "--compare-model", "flowers")
        with (
            page("--port", str(flowers), *other) as first,
            page("--port", str(pets), "--model", "pets", *back) as second,
        ):
            yield {"flowers": first, "pets": second}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(3):
        picture = io.BytesIO()
        Image.new("RGB", (80, 60), (70 * number, 120, 40)).save(picture, "PNG")
        (folder / f"a photo {number}.png").write_bytes(picture.getvalue())
    (folder / "note.txt").write_text("no picture", encoding="utf-8")
    return sorted(folder.iterdir())


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    page = browser.new_page(**{"viewport": PHONE, "locale": "en-GB"} | options)
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.goto(url)
    expect(page.locator("[data-fact=version]")).to_contain_text("1.0")
    yield page
    page.close()


def choose(page: Page, files: list[Path]) -> None:
    page.locator(".photos input[type=file]").first.set_input_files(files)


def serious(page: Page) -> list[str]:
    """Return what axe-core finds serious or worse: the rule, and where."""
    page.wait_for_function(_AT_REST, timeout=PATIENCE_MS)  # what fades in has little contrast
    page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['target']}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


# Contrast follows from the colours, room from the words: each meets both sizes of screen.
@pytest.fixture(
    params=[
        (PHONE, "light", "zh-CN"),
        (PHONE, "dark", "en-GB"),
        (DESKTOP, "light", "en-GB"),
        (DESKTOP, "dark", "zh-CN"),
    ],
    ids=["phone-light-zh", "phone-dark-en", "desktop-light-en", "desktop-dark-zh"],
)
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How a visitor sees the page."""
    viewport, scheme, language = request.param
    seen = {"viewport": viewport, "color_scheme": scheme, "locale": language}
    return seen | {"reduced_motion": "reduce"}


def faults_of(page: Page) -> list[str]:
    """Return what shuts somebody out of the page as it is: also what can only be scrolled to."""
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [*serious(page), *([f"{width} px too wide"] if width > 0 else [])]


def test_no_state_shuts_anybody_out(
    browser: Browser,
    urls: Mapping[str, str],
    photos: list[Path],
    look: dict[str, Any],
) -> None:
    language = look["locale"][:2]
    with opened(browser, urls["flowers"], **look) as page:
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert faults_of(page) == []
        choose(page, photos[:1])
        expect(page.locator(".answer strong")).to_be_visible()
        assert faults_of(page) == []
        choose(page, photos[1:])  # they join the first
        expect(page.locator(".batch tbody tr")).to_have_count(len(photos))
        page.locator(".batch tbody select").first.select_option(index=1)
        expect(page.locator(".batch tr.corrected")).to_have_count(1)
        page.locator("#keep").click()
        expect(page.locator("#kept p")).to_be_visible()
        assert faults_of(page) == []
        page.get_by_role("tab").nth(1).click()
        right = say(language, "comparison.right")
        expect(page.get_by_label(right)).to_have_value(re.compile(HOST))
        page.locator("#run").click()
        expect(page.locator("#comparison p")).to_have_text(say(language, "comparison.no_photos"))
        expect(page.locator("#comparison p")).to_be_visible()
        assert faults_of(page) == []


def test_no_comparison_shuts_anybody_out(
    browser: Browser, urls: Mapping[str, str], labelled: Path, look: dict[str, Any]
) -> None:
    with opened(browser, urls["pets"], **look) as page:
        page.get_by_role("tab").nth(1).click()
        right = say(look["locale"][:2], "comparison.right")
        expect(page.get_by_label(right)).to_have_value(re.compile(HOST))
        with page.expect_file_chooser() as chooser:
            page.locator("#folder").click()
        chooser.value.set_files(labelled)
        expect(page.locator(".photos").nth(1)).to_contain_text("a%3A")
        page.locator("#run").click()
        expect(page.locator(".labelled h3")).to_be_visible()
        assert faults_of(page) == []


def test_what_is_refused_shuts_nobody_out_either(
    browser: Browser, urls: Mapping[str, str], photos: list[Path], look: dict[str, Any]
) -> None:
    with opened(browser, urls["flowers"], **look) as page:
        choose(page, photos[-1:])
        expect(page.locator(".problem")).to_contain_text("found text")
        expect(page.locator("#timing")).to_be_hidden()  # nothing was answered
        assert faults_of(page) == []


@pytest.fixture(scope="module")
def abandoned() -> Iterator[str]:
    """The page of a server that has ended."""
    with page("--port", str(free_ports())) as url:
        yield url


def test_a_server_that_is_gone_is_said_once_to_everybody(
    browser: Browser, abandoned: str, photos: list[Path], look: dict[str, Any]
) -> None:
    page = browser.new_page(**look)
    page.goto(abandoned)
    said = "nothing answers at"
    expect(page.locator("#facts")).to_contain_text(said, timeout=PATIENCE_MS)
    assert faults_of(page) == []
    choose(page, photos[:1])
    expect(page.locator(".problem")).to_contain_text(said, timeout=PATIENCE_MS)
    expect(page.locator("#timing")).to_be_hidden()
    assert faults_of(page) == []
    page.close()


def test_on_a_phone_the_answer_is_below_the_drop_zone_and_in_sight(
    browser: Browser, urls: Mapping[str, str], photos: list[Path]
) -> None:
    with opened(browser, urls["flowers"], reduced_motion="reduce") as page:
        choose(page, photos[:1])
        expect(page.locator(".answer strong")).to_be_in_viewport(timeout=PATIENCE_MS)
        places = [page.locator(name).first for name in (".photos", "#detail", "#examples")]
        tops = [box["y"] for place in places if (box := place.bounding_box())]
        assert tops == sorted(tops)
        assert len(tops) == len(places)


@pytest.mark.parametrize("act", ["pointerdown", "wheel", "input", ""])
def test_the_page_does_not_move_from_under_a_finger(
    browser: Browser, urls: Mapping[str, str], photos: list[Path], act: str
) -> None:
    """It keeps the answer in sight while it is drawn, until somebody does something."""
    with opened(browser, urls["flowers"], reduced_motion="reduce") as page:
        choose(page, photos[:1])
        expect(page.locator(".answer strong")).to_be_visible()
        moved = page.evaluate(
            """(act) => new Promise((done) => {
              window.marigold.showResult();
              if (act) document.body.dispatchEvent(new Event(act, { bubbles: true }));
              scrollTo(0, 0);
              setTimeout(() => done(scrollY), 500);
            })""",
            act,
        )
        assert (moved > 0) == (not act)


def test_on_a_phone_rows_are_cards_whose_words_are_not_folded(
    browser: Browser, urls: Mapping[str, str], photos: list[Path]
) -> None:
    with opened(browser, urls["flowers"]) as page:
        choose(page, photos)
        expect(page.locator(".batch tbody tr")).to_have_count(len(photos))
        label = page.locator(".batch td b").first.bounding_box()
        name = page.locator(".batch tbody th").first.bounding_box()
        picture = page.locator(".batch td.thumb img").first.bounding_box()
        assert label
        assert name
        assert picture
        shown = page.locator("#detail").bounding_box()
        card = page.locator(".batch tbody tr").first.bounding_box()
        assert shown
        assert card
        assert (card["x"], card["width"]) == (shown["x"], shown["width"])
        assert label["height"] < 40
        assert name["width"] > 150
        assert picture["x"] + picture["width"] <= name["x"]
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_texts_and_examples_follow_the_model(
    browser: Browser, urls: Mapping[str, str], photos: list[Path]
) -> None:
    with opened(browser, urls["pets"]) as page:
        expect(page.locator(".classes")).to_have_text("It tells apart 3 classes: cat, dog, parrot")
        expect(page.locator("#examples")).to_be_hidden()
        expect(page.locator("[data-fact=accuracy]")).to_contain_text("never measured")
        choose(page, photos[:1])
        expect(page.locator(".answer strong")).to_be_visible()
        expect(page.locator("input[type=range]")).to_have_count(0)  # there is no map
        assert "flower" not in page.locator(".masthead").inner_text()
    with opened(browser, urls["flowers"]) as page:
        expect(page.locator("#examples")).to_be_visible()
        expect(page.locator("[data-fact=accuracy]")).to_contain_text("91.5 %")


def bring_to_compare(page: Page, photos: list[Path]) -> None:
    page.get_by_role("tab", name="Compare").click()
    expect(page.get_by_label("Model B")).to_have_value(re.compile(HOST))
    page.locator(".photos input[type=file]").nth(1).set_input_files(photos)
    expect(page.locator(".photos").nth(1)).to_contain_text(photos[0].stem)


def compare(page: Page, photos: list[Path]) -> None:
    bring_to_compare(page, photos)
    page.get_by_role("button", name="Compare").click()


def test_another_name_and_other_classes_of_the_other_server_are_said_once(
    browser: Browser, urls: Mapping[str, str], photos: list[Path]
) -> None:
    with opened(browser, urls["flowers"]) as page:
        compare(page, photos)
        expect(page.locator(".comparison")).to_contain_text("COMPARE_MODEL")
        expect(page.locator(".comparison tr")).to_have_count(0)
    with opened(browser, urls["pets"]) as page:
        compare(page, photos)
        expect(page.locator(".comparison .warning")).to_contain_text("do not have the same classes")
        expect(page.locator(".comparison .sum")).to_contain_text("points over 3 photos")


def test_a_page_that_ends_leaves_the_photos_of_another(
    browser: Browser, urls: Mapping[str, str], photos: list[Path]
) -> None:
    with opened(browser, urls["pets"]) as page_of_pets:
        bring_to_compare(page_of_pets, photos)
        with (
            FakeModel().serving() as port,
            page("--port", str(port)) as url,
            opened(browser, url) as other,
        ):
            choose(other, photos)
            expect(other.locator(".batch tbody tr")).to_have_count(len(photos))
        page_of_pets.get_by_role("button", name="Compare").click()
        expect(page_of_pets.locator(".comparison .sum")).to_contain_text("over 3 photos")


DROP_FOLDER = """(target, [root, folders]) => {
  const entry = (name, files) => ({
    isDirectory: true, name, createReader: () => {
      const rounds = [files, []];
      return { readEntries: (found) => found(rounds.shift()) };
    },
  });
  const photo = ([name, bytes]) => ({
    isFile: true, name, file: (found) => found(new File([Uint8Array.from(atob(bytes),
      (char) => char.charCodeAt(0))], name, { type: "image/png" })),
  });
  const top = entry(root, folders.map(([name, files]) => entry(name, files.map(photo))));
  const event = new DragEvent("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: {
    items: [{ webkitGetAsEntry: () => top }], files: [],
  } });
  target.dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def labelled(photos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photos in folders: two as the flowers' model answers, one as it does not, and litter."""
    root = tmp_path_factory.mktemp("labelled")
    for number, photo in enumerate(photos[:3]):
        answer = next(iter(FakeModel().scores_of(photo.read_bytes())))
        other = FLOWERS[FLOWERS.index(answer) - 1]
        folder = root / (other if number == 2 else answer)
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.png").write_bytes(photo.read_bytes())
    (root / "a: *!").mkdir()
    (root / "a: *!" / "0.png").write_bytes(photos[0].read_bytes())
    (root / ".DS_Store").write_bytes(b"litter")
    return root


def test_a_folder_of_class_folders_says_which_model_is_right_more_often(
    browser: Browser, urls: Mapping[str, str], labelled: Path
) -> None:
    with opened(browser, urls["pets"]) as page:
        page.get_by_role("tab", name="Compare").click()
        expect(page.get_by_label("Model B")).to_have_value(re.compile(HOST))
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose a folder").click()
        chooser.value.set_files(labelled)
        expect(page.locator(".photos").nth(1)).to_contain_text("a%3A")
        page.get_by_role("button", name="Compare", exact=True).click()
        expect(page.locator(".labelled h3")).to_have_text("Accuracy on 3 labelled photos")
        # The model of pets is never right, that of flowers on two of three.
        expect(page.locator(".labelled dd")).to_have_text(["0.0 %", "66.7 %", "+66.7 points"])
        expect(page.locator(".labelled .interval")).to_contain_text("-5.9 to +93.9 points")
        expect(page.locator(".labelled .soft")).to_contain_text("p = 0.500. This may be chance.")
        expect(page.locator(".comparison .warning").nth(1)).to_contain_text("a: *!")
        expect(page.locator(".comparison tbody th").last).to_contain_text(".png")
        assert serious(page) == []


def test_a_dropped_folder_is_read(
    browser: Browser, urls: Mapping[str, str], labelled: Path
) -> None:
    folders = [
        [
            folder.name,
            [[f.name, base64.b64encode(f.read_bytes()).decode()] for f in sorted(folder.iterdir())],
        ]
        for folder in sorted(labelled.iterdir())
        if folder.is_dir()
    ]
    names = [f"{name}/{file}" for name, files in folders for file, _ in files]
    with opened(browser, urls["flowers"], viewport=DESKTOP) as page:
        page.locator(".photos button").first.evaluate(DROP_FOLDER, ["photos", folders])
        expect(page.locator(".batch tbody th")).to_have_text(names)
