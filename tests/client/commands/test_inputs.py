"""Names on the command line, as `make` hands them on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client.commands.inputs import named_files
from client.errors import LocalFileError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["a.jpg", "WhatsApp Image 1.jpg", "WhatsApp Image 2.jpg", "it's [1].png", "b.jpg"]


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*NAMES, "My Photos (2024)/sub/c.jpg", "My Photos (2024)/d.webp", "empty/x.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("a.jpg b.jpg", ["a.jpg", "b.jpg"]),
        ("WhatsApp Image 1.jpg", ["WhatsApp Image 1.jpg"]),
        (
            "WhatsApp Image 1.jpg a.jpg WhatsApp Image 2.jpg",
            ["WhatsApp Image 1.jpg", "a.jpg", "WhatsApp Image 2.jpg"],
        ),
        ("'WhatsApp Image 1.jpg' \"a.jpg\"", ["WhatsApp Image 1.jpg", "a.jpg"]),
        ("it's [1].png a.jpg", ["it's [1].png", "a.jpg"]),
        ("?.jpg", ["a.jpg", "b.jpg"]),
        ("WhatsApp Image ?.jpg", ["WhatsApp Image 1.jpg", "WhatsApp Image 2.jpg"]),
        ("My Photos (2024)", ["My Photos (2024)/d.webp", "My Photos (2024)/sub/c.jpg"]),
        (
            "My Photos (2024)/ a.jpg",
            ["My Photos (2024)/d.webp", "My Photos (2024)/sub/c.jpg", "a.jpg"],
        ),
        ("obs://bucket/a.jpg a.jpg", ["obs://bucket/a.jpg", "a.jpg"]),
        ("a.jpg gone.jpg", ["a.jpg", "gone.jpg"]),
        ("Gone Image 1.jpg", ["Gone Image 1.jpg"]),
    ],
)
def test_a_text_becomes_the_files_that_it_names(text: str, files: list[str]) -> None:
    assert named_files([text]) == files


def test_a_folder_without_images_is_refused() -> None:
    with pytest.raises(LocalFileError, match="empty: there are no images in it"):
        named_files(["empty"])
