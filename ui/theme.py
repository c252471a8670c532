"""The page's colours and fonts: those of the evaluation report, all from this machine."""

from __future__ import annotations

import gradio as gr

_FONTS = [
    "system-ui",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
]
_CODE_FONTS = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
_MARIGOLD = gr.themes.Color(
    "#fff8ea", "#feedc9", "#fcdc95", "#f9c75e", "#f6b337", "#f2a01c",
    "#d98309", "#b36200", "#8a4600", "#6b3600", "#4a2500", name="marigold",
)  # fmt: skip
_PAPER = gr.themes.Color(
    "#faf8f4", "#f5f1e9", "#e5dfd4", "#d3cabb", "#a59e91", "#6a645a",
    "#4f4a42", "#35322d", "#201f1c", "#171614", "#100f0e", name="paper",
)  # fmt: skip


def marigold() -> gr.themes.Base:
    """Return the theme; font names without a URL are looked up on the reader's machine."""
    return gr.themes.Base(
        primary_hue=_MARIGOLD,
        secondary_hue=_MARIGOLD,
        neutral_hue=_PAPER,
        font=_FONTS,
        font_mono=_CODE_FONTS,
        radius_size=gr.themes.sizes.radius_lg,
    ).set(
        body_background_fill="#faf8f4",
        body_background_fill_dark="#171614",
        body_text_color="#1f1d1a",
        body_text_color_dark="#ece7dd",
        block_background_fill="#ffffff",
        block_background_fill_dark="#201f1c",
        button_primary_background_fill="#f2a01c",
        button_primary_background_fill_hover="#f6b337",
        button_primary_text_color="#1f1d1a",
        button_primary_background_fill_dark="#f2a01c",
        button_primary_text_color_dark="#1f1d1a",
        button_primary_background_fill_hover_dark="#f6b337",
        button_primary_text_color_hover_dark="#1f1d1a",
    )
