"""The folder that an uploaded photo came in, as the page writes it into the name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ui.folders import folder_of, shown_name


@pytest.mark.parametrize(
    ("uploaded", "folder", "name"),
    [
        ("a.jpg", None, "a.jpg"),
        ("daisy\N{DIVISION SLASH}a.jpg", "daisy", "daisy/a.jpg"),
        ("郁金香\N{DIVISION SLASH}1 (2).jpg", "郁金香", "郁金香/1 (2).jpg"),
        ("a%3A %25\N{DIVISION SLASH}100%25.jpg", "a: %", "a: %/100%25.jpg"),
    ],
)
def test_names(uploaded: str, folder: str | None, name: str) -> None:
    path = Path("/tmp/gradio/0123") / uploaded  # noqa: S108  only read
    assert (folder_of(path), shown_name(path)) == (folder, name)
