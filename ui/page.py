"""Assembles the page and serves it: only to this machine, without fetching anything elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from ui.compare_tab import compare_tab
from ui.facts import facts_html, read_facts
from ui.markup import render
from ui.texts import LANGUAGES, say
from ui.theme import marigold
from ui.try_tab import try_tab
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
                head = gr.HTML(render("head", FIRST_LANGUAGE))
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
        facts = gr.HTML(elem_id="facts")
        with wording.on(gr.Tab, {"label": "page.try"}):
            trying = try_tab(settings.server, wording, language)
        with wording.on(gr.Tab, {"label": "page.compare"}) as tab:
            compare_tab(settings, wording, language, tab)

        def speak(code: str, *shown: Any) -> list[Any]:
            return [
                render("head", code),
                facts_html(read_facts(settings.server), code),
                *wording.updates(code),
                *trying.render_again(*shown, code),
            ]

        def greet(request: gr.Request) -> str:
            wanted = request.headers.get("accept-language", "")
            return "zh" if wanted.lower().startswith("zh") else FIRST_LANGUAGE

        outputs = [head, facts, *wording.components, *trying.outputs]
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        page.load(greet, None, [language], **quiet).then(
            speak, [language, *trying.inputs], outputs, **quiet
        )
        language.input(speak, [language, *trying.inputs], outputs, **quiet)
        language.change(fn=None, inputs=[language], js=_SET_LANGUAGE, api_visibility="private")
    return page


def serve(settings: Settings) -> None:
    """Serve the page until Ctrl-C."""
    build(settings).launch(
        server_name=settings.host,
        server_port=settings.port,
        inbrowser=settings.opens_browser,
        share=False,
        ssr_mode=False,
        enable_monitoring=False,
        footer_links=[],
        theme=marigold(),
        css=(_FOLDER / "page.css").read_text(encoding="utf-8"),
        head=f"<script>{(_FOLDER / 'page.js').read_text(encoding='utf-8')}</script>",
    )
