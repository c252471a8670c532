"""``python -m ui``: serves the page until Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import signal
import tempfile
from typing import TYPE_CHECKING

from ui.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

# Read when the libraries are imported: disables all telemetry.
_QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page; wrong usage exits with 2, before the slow import."""
    settings = read_settings(arguments)
    os.environ.update(_QUIET)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the folder goes then, too
    with tempfile.TemporaryDirectory(prefix="marigold-ui-", ignore_cleanup_errors=True) as folder:
        # Gradio names an upload by its contents, and deletes its uploads when it ends: in a folder
        # for all pages, those of another page, too, which holds the same photo.
        tempfile.tempdir = folder
        from ui.page import serve  # noqa: PLC0415 - imports Gradio, which reads the environment

        return serve(settings)


raise SystemExit(main())
