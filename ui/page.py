"""Assembles the page and serves it: only to this machine, without fetching anything elsewhere."""

from __future__ import annotations

import contextlib
import socket
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import uvicorn
from fastapi import FastAPI

from ui.compare_tab import compare_tab
from ui.facts import facts_html, labels_of, read_facts
from ui.markup import render
from ui.texts import LANGUAGES, say
from ui.theme import marigold
from ui.try_tab import DRAWN, try_tab
from ui.wording import FIRST_LANGUAGE, Wording

if TYPE_CHECKING:
    from ui.settings import Settings

_FOLDER = Path(__file__).parent
_KEEP_UPLOADS_S = 3600
_SET_LANGUAGE = "(code) => {document.documentElement.lang = code}"


def build(settings: Settings) -> gr.Blocks:
    """Lay out the page."""
    wording = Wording()
    with gr.Blocks(
        title="Marigold",
        analytics_enabled=False,
        delete_cache=(_KEEP_UPLOADS_S, _KEEP_UPLOADS_S),
    ) as page:
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=260):
                head = gr.HTML(render("head", FIRST_LANGUAGE, labels=()))
            language = gr.Radio(
                list(LANGUAGES.items()),
                value=FIRST_LANGUAGE,
                label=say(FIRST_LANGUAGE, "page.language"),
                show_label=False,
                container=False,
                elem_id="language",
                scale=0,
                min_width=230,
            )
        strip = gr.HTML(elem_id="facts")
        with wording.on(gr.Tab, {"label": "page.try"}):
            trying = try_tab(settings, wording, language)
        with wording.on(gr.Tab, {"label": "page.compare"}) as tab:
            compare_tab(settings, wording, language, tab)

        def speak(code: str, *shown: Any) -> list[Any]:
            facts = read_facts(settings.server)
            labels = labels_of(facts)
            return [
                render("head", code, labels=labels),
                facts_html(facts, code),
                *wording.updates(code),
                gr.update(visible=set(labels) >= DRAWN),
                *trying.render_again(*shown, code),
            ]

        def greet(request: gr.Request) -> str:
            wanted = request.headers.get("accept-language", "")
            return "zh" if wanted.lower().startswith("zh") else FIRST_LANGUAGE

        outputs = [head, strip, *wording.components, trying.drawn, *trying.outputs]
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        page.load(greet, None, [language], **quiet).then(
            speak, [language, *trying.inputs], outputs, **quiet
        )
        language.input(speak, [language, *trying.inputs], outputs, **quiet)
        language.change(fn=None, inputs=[language], js=_SET_LANGUAGE, api_visibility="private")
    return page


def serve(settings: Settings) -> int:
    """Serve the page until Ctrl-C; return the exit code."""
    app = gr.mount_gradio_app(
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        build(settings),
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        ssr_mode=False,
        enable_monitoring=False,
        footer_links=[],
        theme=marigold(),
        css=(_FOLDER / "page.css").read_text(encoding="utf-8"),
        head=f"<script>{(_FOLDER / 'page.js').read_text(encoding='utf-8')}</script>",
    )
    try:
        door = socket.create_server((settings.host, settings.port))
    except OSError as error:
        sys.stderr.write(
            f"error: cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "choose another port with UI_PORT=...\n"
        )
        return 1
    url = f"http://{settings.host}:{settings.port}"
    sys.stdout.write(f"the page runs on {url} (Ctrl-C ends it)\n")
    sys.stdout.flush()
    if settings.opens_browser:
        webbrowser.open(url)
    with contextlib.suppress(KeyboardInterrupt):
        # An open page holds its connection: Ctrl-C does not wait for it.
        uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)).run(
            sockets=[door]
        )
    return 0
