"""The tab that compares two versions or runtimes of the model on the same photos.

`ui.agreement` does the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from client.errors import ClientError
from ui.agreement import compare
from ui.asking import ask
from ui.markup import render
from ui.results import thumbnail

if TYPE_CHECKING:
    from client.connection import Connection
    from ui.asking import Outcome
    from ui.settings import Settings
    from ui.wording import Wording


@dataclass(frozen=True)
class Side:
    """One version of the model on one server."""

    connection: Connection
    version: str | None
    name: str


def find_sides(settings: Settings) -> list[Side]:
    """Return every version that the servers list; the default one of a server that does not."""
    servers = [settings.server, *([settings.other] if settings.other else [])]
    return [side for server in servers for side in _sides_of(server)]


def _sides_of(server: Connection) -> list[Side]:
    place = server.addresses.inference.partition("://")[2]
    management = server.management()
    try:
        versions = [status.version for status in management.describe_all(server.model)]
    except ClientError:
        return [Side(server, None, place)]
    return [Side(server, version, f"{version} · {place}") for version in versions]


def compare_tab(settings: Settings, wording: Wording, language: gr.Radio, tab: gr.Tab) -> None:
    """Lay out the tab, and connect its events; opening it looks up the versions."""
    wording.on(gr.Markdown, {"value": "comparison.lead"})
    alone = wording.on(gr.Markdown, {"value": "comparison.alone"}, visible=False)
    files = wording.on(
        gr.File, {"label": "input.drop"}, file_count="multiple", height=170, elem_classes="photos"
    )
    with gr.Row(equal_height=True):
        left = wording.on(gr.Dropdown, {"label": "comparison.left"}, choices=[])
        right = wording.on(gr.Dropdown, {"label": "comparison.right"}, choices=[])
        run = wording.on(gr.Button, {"value": "comparison.run"}, variant="primary")
    result = gr.HTML(elem_id="comparison")

    def look_up() -> list[Any]:
        names = [side.name for side in find_sides(settings)]
        return [
            gr.update(choices=names, value=names[0]),
            gr.update(choices=names, value=names[-1]),
            gr.update(visible=len(names) == 1),
        ]

    def show(paths: list[str] | None, left: str, right: str, language: str) -> str:
        if not paths:
            return render("hint", language, text="comparison.no_photos")
        sides = {side.name: side for side in find_sides(settings)}
        if not {left, right} <= sides.keys():
            return render("hint", language, text="comparison.gone")
        photos = [Path(path) for path in paths]
        found = compare(_outcomes(sides[left], photos), _outcomes(sides[right], photos))
        rows = [(thumbnail(pair.left), pair) for pair in found.pairs]
        return render("comparison", language, comparison=found, rows=rows, left=left, right=right)

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}
    tab.select(look_up, None, [left, right, alone], **quiet)
    run.click(show, [files, left, right, language], [result], **quiet)


def _outcomes(side: Side, photos: list[Path]) -> tuple[Outcome, ...]:
    return ask(side.connection, photos, side.version).outcomes
