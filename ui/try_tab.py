"""The tab for trying photos: input on the left, the answer on the right, the table below.

`ui.detail`, `ui.timing` and `ui.results` render the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from ui.asking import Answer, ask_with_times
from ui.detail import detail_html
from ui.facts import labels_of, preprocessing_of, read_facts
from ui.keeping import keep_html
from ui.markup import render
from ui.results import choices, csv_file, first_answered, table_html
from ui.snippets import client_lines, curl_lines, requests_lines
from ui.timing import timing_html
from ui.wording import FIRST_LANGUAGE, Wording

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ui.settings import Settings

EXAMPLES = tuple(sorted(Path(__file__).with_name("examples").glob("*.png")))
# The drawings show classes of the starter model; other models get none of them.
DRAWN = frozenset({"daisy", "dandelion", "sunflowers", "tulips"})
_STRENGTH = 60  # percent: the photo stays recognisable below the map
_SET_STRENGTH = "(value) => {document.body.style.setProperty('--heat-strength', value / 100)}"
# The marks stand in the table: what a person chose, by the place of the photo.
_WITH_MARKS = "(answer, marks, language) => [answer, window.marigold.marks(), language]"
_SHOW_RESULT = "() => window.marigold.showResult()"


@dataclass(frozen=True)
class TryTab:
    """The parts that the page needs when the language changes."""

    inputs: list[Any]
    outputs: list[Any]
    render_again: Callable[..., list[Any]]
    drawn: gr.Column


def try_tab(settings: Settings, wording: Wording, language: gr.Radio) -> TryTab:
    """Lay out the tab, and connect its events."""
    connection = settings.server
    answer, marks = gr.State(None), gr.JSON(visible=False)
    with gr.Row(equal_height=False, elem_classes="trying"):
        with gr.Column(scale=5, min_width=300, elem_classes="asking"):
            files = wording.on(
                gr.File,
                {"label": "input.drop"},
                file_count="multiple",
                height=190,
                elem_classes="photos",
            )
            with gr.Column(visible=False, elem_classes="drawn") as drawn:
                examples = wording.on(
                    gr.Gallery,
                    {"label": "input.examples"},
                    value=list(EXAMPLES),
                    columns=len(EXAMPLES),
                    height=140,
                    allow_preview=False,
                    interactive=False,
                    object_fit="cover",
                    buttons=[],
                    elem_id="examples",
                )
            with wording.on(gr.Accordion, {"label": "input.webcam"}, open=False):
                webcam = gr.Image(
                    sources=["webcam"], type="filepath", format="jpeg", show_label=False
                )
            timing = gr.HTML(elem_id="timing")
        with gr.Column(scale=6, min_width=300, elem_classes="answering"):
            chosen = wording.on(gr.Dropdown, {"label": "input.photo"}, visible=False)
            detail = gr.HTML(render("empty", FIRST_LANGUAGE), elem_id="detail")
            strength = wording.on(
                gr.Slider,
                {"label": "input.strength"},
                minimum=0,
                maximum=100,
                value=_STRENGTH,
                visible=False,
            )
    table = gr.HTML(elem_id="table")
    with gr.Row():
        download = wording.on(gr.DownloadButton, {"label": "input.csv"}, visible=False)
        keep = wording.on(gr.Button, {"value": "input.keep"}, visible=False, elem_id="keep")
    kept = gr.HTML(elem_id="kept")
    code = _code_boxes(wording)

    def show_detail(answer: Answer | None, index: int | None, language: str) -> list[Any]:
        if answer is None:
            return [render("empty", language), gr.update(visible=False)]
        preprocessing = preprocessing_of(read_facts(connection))
        outcome = answer.outcomes[index or 0]
        shown, has_map = detail_html(connection, outcome, preprocessing, language)
        return [shown, gr.update(visible=has_map)]

    def render_again(answer: Answer | None, index: int | None, language: str) -> list[Any]:
        if answer is None:
            return [*show_detail(None, None, language), "", "", ""]
        labels = labels_of(read_facts(connection))
        return [
            *show_detail(answer, index, language),
            timing_html(answer, language),
            table_html(answer.outcomes, language, labels),
            "",
        ]

    def show(paths: Sequence[str], language: str) -> list[Any]:
        found = ask_with_times(connection, [Path(path) for path in paths]) if paths else None
        outcomes = found.outcomes if found else ()
        sent, many = [outcome.path for outcome in outcomes], len(outcomes) > 1
        first = first_answered(outcomes)
        listed = choices(outcomes, language)
        return [
            found,
            gr.update(choices=listed, value=first if many else None, visible=many),
            gr.update(value=str(csv_file(outcomes)) if many else None, visible=many),
            gr.update(visible=many),
            *(lines(connection, sent) for lines in (curl_lines, requests_lines, client_lines)),
            *render_again(found, first, language),
        ]

    def show_files(paths: list[str] | str | None, language: str) -> list[Any]:
        return show([paths] if isinstance(paths, str) else paths or [], language)

    def show_example(language: str, event: gr.SelectData) -> list[Any]:
        return show([str(EXAMPLES[event.index])], language)

    def keep_marked(answer: Answer | None, marks: Mapping[str, str], language: str) -> str:
        return keep_html(answer, marks or {}, settings.corrections, language)

    shown = [detail, strength, timing, table, kept]
    everything = [answer, chosen, download, keep, *code, *shown]
    quiet: dict[str, Any] = {"api_visibility": "private"}
    busy = quiet | {"show_progress": "full", "show_progress_on": [detail]}
    for asked in (
        files.change(show_files, [files, language], everything, **busy),
        webcam.change(show_files, [webcam, language], everything, **busy),
        examples.select(show_example, [language], everything, **busy),
    ):
        asked.then(fn=None, js=_SHOW_RESULT, **quiet)
    chosen.input(show_detail, [answer, chosen, language], [detail, strength], **busy)
    keep.click(keep_marked, [answer, marks, language], [kept], js=_WITH_MARKS, **quiet)
    strength.change(fn=None, inputs=[strength], js=_SET_STRENGTH, **quiet)
    return TryTab([answer, chosen], shown, render_again, drawn)


def _code_boxes(wording: Wording) -> list[gr.Code]:
    """Lay out the boxes for the code that does the same as the page."""
    look: dict[str, Any] = {
        "interactive": False,
        "wrap_lines": True,
        "show_line_numbers": False,
        "lines": 1,
    }
    with wording.on(gr.Accordion, {"label": "input.snippets"}, open=False):
        return [
            gr.Code(language="shell", label="curl", **look),
            gr.Code(language="python", label="Python, requests", **look),
            gr.Code(language="python", label="Python, this project's client", **look),
        ]
