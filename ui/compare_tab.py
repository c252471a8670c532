"""The tab that compares two versions or runtimes of the model on the same photos.

`ui.agreement` does the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from client.errors import ClientError, ModelNotFound
from ui.agreement import compare, compare_labelled
from ui.asking import ask
from ui.facts import labels_of, read_facts
from ui.markup import render
from ui.results import thumbnail
from ui.texts import say

if TYPE_CHECKING:
    from client.connection import Connection
    from ui.agreement import Pair
    from ui.asking import Outcome
    from ui.settings import Settings
    from ui.wording import Wording

_CHOOSE_FOLDER = "() => window.marigold.chooseFolder()"


@dataclass(frozen=True)
class Side:
    """One version of the model on one server."""

    connection: Connection
    version: str | None
    name: str
    problem: str = ""  # why it cannot answer


def find_sides(settings: Settings) -> list[Side]:
    """Return every version that the servers list; the default one of a server that does not."""
    servers = [settings.server, *([settings.other] if settings.other else [])]
    return [side for server in servers for side in _sides_of(server)]


def _sides_of(server: Connection) -> list[Side]:
    place = server.addresses.inference.partition("://")[2]
    management = server.management()
    try:
        versions = [status.version for status in management.describe_all(server.model)]
    except ModelNotFound as error:
        return [Side(server, None, place, str(error))]
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
    folder = wording.on(gr.Button, {"value": "comparison.folder"}, size="sm", elem_id="folder")
    with gr.Row(equal_height=True):
        left = wording.on(gr.Dropdown, {"label": "comparison.left"}, choices=[], min_width=260)
        right = wording.on(gr.Dropdown, {"label": "comparison.right"}, choices=[], min_width=260)
        run = wording.on(gr.Button, {"value": "comparison.run"}, variant="primary", elem_id="run")
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
        if problems := [_no_model(side, language) for side in sides.values() if side.problem]:
            return render("comparison_refused", language, problems=problems)
        photos = [Path(path) for path in paths]
        found = compare(_outcomes(sides[left], photos), _outcomes(sides[right], photos))
        labels = [_labels(sides[name]) for name in (left, right)]
        return render(
            "comparison",
            language,
            comparison=found,
            labelled=compare_labelled(found.pairs, labels[0] | labels[1]),
            rows=[(_thumbnail(pair), pair) for pair in found.pairs],
            left=left,
            right=right,
            names=(left, right),
            problems=_mismatch((left, right), labels, language),
        )

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "full"}
    tab.select(look_up, None, [left, right, alone], **quiet)
    folder.click(fn=None, js=_CHOOSE_FOLDER, api_visibility="private")
    run.click(show, [files, left, right, language], [result], **quiet, scroll_to_output=True)


def _thumbnail(pair: Pair) -> str:
    return thumbnail(pair.left) or thumbnail(pair.right)


def _no_model(side: Side, language: str) -> str:
    values = {"model": side.connection.model, "server": side.name, "reason": side.problem}
    return say(language, "comparison.no_model", **values)


def _labels(side: Side) -> set[str]:
    return set(labels_of(read_facts(side.connection, side.version)))


def _mismatch(names: tuple[str, str], labels: list[set[str]], language: str) -> list[str]:
    """Say which classes only one of the two has; nothing if a server does not say."""
    if not all(labels) or labels[0] == labels[1]:
        return []
    nothing = say(language, "comparison.nothing")
    only = [", ".join(sorted(labels[i] - labels[1 - i])) or nothing for i in (0, 1)]
    values = {"left": names[0], "right": names[1], "only_left": only[0], "only_right": only[1]}
    return [say(language, "comparison.other_classes", **values)]


def _outcomes(side: Side, photos: list[Path]) -> tuple[Outcome, ...]:
    return ask(side.connection, photos, side.version).outcomes
