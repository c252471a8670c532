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
from ui.facts import preprocessing_of, read_facts
from ui.markup import render
from ui.results import choices, csv_file, table_html
from ui.snippets import curl_lines, python_lines
from ui.timing import timing_html
from ui.wording import FIRST_LANGUAGE, Wording

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from client.connection import Connection

EXAMPLES = tuple(sorted(Path(__file__).with_name("examples").glob("*.png")))
_STRENGTH = 60  # percent: the photo stays recognisable below the map
_SET_STRENGTH = "(value) => {document.body.style.setProperty('--heat-strength', value / 100)}"


@dataclass(frozen=True)
class TryTab:
    """The parts that the page needs when the language changes."""

    inputs: list[Any]
    outputs: list[Any]
    render_again: Callable[..., list[Any]]


def try_tab(connection: Connection, wording: Wording, language: gr.Radio) -> TryTab:
    """Lay out the tab, and connect its events."""
    answer = gr.State(None)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=300):
            files = wording.on(
                gr.File,
                {"label": "input.drop"},
                file_count="multiple",
                height=190,
                elem_classes="photos",
            )
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
            timing = gr.HTML()
        with gr.Column(scale=6, min_width=300):
            chosen = wording.on(gr.Dropdown, {"label": "input.photo"}, visible=False)
            detail = gr.HTML(render("empty", FIRST_LANGUAGE), elem_id="detail")
            strength = wording.on(
                gr.Slider, {"label": "input.strength"}, minimum=0, maximum=100, value=_STRENGTH
            )
    table = gr.HTML()
    download = wording.on(gr.DownloadButton, {"label": "input.csv"}, visible=False)
    with wording.on(gr.Accordion, {"label": "input.snippets"}, open=False):
        curl = gr.Code(language="shell", label="curl", interactive=False, wrap_lines=True)
        python = gr.Code(language="python", label="Python", interactive=False, wrap_lines=True)

    def show_detail(answer: Answer | None, index: int | None, language: str) -> str:
        if answer is None:
            return render("empty", language)
        preprocessing = preprocessing_of(read_facts(connection))
        outcome = answer.outcomes[index or 0]
        return detail_html(connection, outcome, preprocessing, language)

    def render_again(answer: Answer | None, index: int | None, language: str) -> list[Any]:
        if answer is None:
            return [show_detail(None, None, language), "", ""]
        return [
            show_detail(answer, index, language),
            timing_html(answer, language),
            table_html(answer.outcomes, language),
        ]

    def show(paths: Sequence[str], language: str) -> list[Any]:
        found = ask_with_times(connection, [Path(path) for path in paths]) if paths else None
        outcomes = found.outcomes if found else ()
        names, many = [outcome.name for outcome in outcomes], len(outcomes) > 1
        return [
            found,
            gr.update(choices=choices(outcomes), value=0 if many else None, visible=many),
            gr.update(value=str(csv_file(outcomes)) if many else None, visible=many),
            curl_lines(connection, names),
            python_lines(connection, names),
            *render_again(found, 0, language),
        ]

    def show_files(paths: list[str] | None, language: str) -> list[Any]:
        return show(paths or [], language)

    def show_webcam(path: str | None, language: str) -> list[Any]:
        return show([path] if path else [], language)

    def show_example(language: str, event: gr.SelectData) -> list[Any]:
        return show([str(EXAMPLES[event.index])], language)

    shown = [detail, timing, table]
    everything = [answer, chosen, download, curl, python, *shown]
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}
    files.change(show_files, [files, language], everything, **quiet)
    webcam.change(show_webcam, [webcam, language], everything, **quiet)
    examples.select(show_example, [language], everything, **quiet)
    chosen.input(show_detail, [answer, chosen, language], [detail], **quiet)
    strength.change(fn=None, inputs=[strength], js=_SET_STRENGTH, api_visibility="private")
    return TryTab([answer, chosen], shown, render_again)
