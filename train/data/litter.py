"""What lies between photos and is none: files and folders of systems, programs and cameras.

A file is left out by its name alone. One that could be a photo is read, and one that cannot be read
is a problem that is told: `train.data.reading`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Compared without case. Synology, macOS, QNAP, Windows, Linux.
_FOLDERS = {
    *("@eadir", "@tmp", "__macosx", "@recycle", "#recycle", "#snapshot", "$recycle.bin"),
    *("system volume information", "lost+found", "__pycache__"),
}
_FILES = {"desktop.ini", "icon\r", "readme", "license", "notice", "attribution", "copying"}
# No pictures, or pictures with sound: caches, edits, film and text beside photos.
_SUFFIXES = {
    *(".db", ".ini", ".lnk", ".url", ".webloc", ".tmp", ".part", ".crdownload", ".log", ".bak"),
    *(".aae", ".xmp", ".thm", ".pp3", ".dop", ".lrcat", ".mov", ".mp4", ".m4v", ".avi", ".mkv"),
    *(".3gp", ".mts", ".wmv", ".webm", ".mp3", ".wav", ".m4a", ".txt", ".md", ".rst", ".rtf"),
    *(".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".html", ".htm", ".pdf"),
    *(".doc", ".docx", ".xls", ".xlsx", ".py", ".ipynb", ".sh", ".mat", ".npy", ".npz", ".pkl"),
    *(".pth", ".pt", ".safetensors", ".onnx", ".zip", ".tar", ".gz", ".tgz", ".rar", ".7z", ".md5"),
}
TABLES = {".csv", ".tsv", ".jsonl"}  # which may say the classes of photos; see `labels_file`
_LICENCE = "license"  # such files are copied, and not left out


def is_litter_folder(name: str) -> bool:
    """Tell whether a folder is a system's, and no class: hidden, or of a known name."""
    return name.startswith(".") or name.casefold() in _FOLDERS


def is_litter_file(name: str, suffix: str) -> bool:
    """Tell whether a file is no photo, by its name and its suffix."""
    return (
        name.startswith(".") or name.casefold() in _FILES or suffix.casefold().strip() in _SUFFIXES
    )


@dataclass
class Litter:
    """What was left out, to be told in one line.

    Attributes:
        files: How many files of each kind: a suffix, a name, or "hidden".
        folders: How many folders of each name.
    """

    files: Counter[str] = field(default_factory=Counter)
    folders: Counter[str] = field(default_factory=Counter)

    def add_file(self, path: Path) -> None:
        """Count a file."""
        name = path.name.casefold()
        if not name.startswith(_LICENCE):
            hidden = name.startswith(".")
            self.files["hidden" if hidden else path.suffix.casefold() or path.name] += 1

    def __str__(self) -> str:
        files = ", ".join(f"{count} {kind}" for kind, count in sorted(self.files.items()))
        folders = ", ".join(
            name if count == 1 else f"{count} {name}"
            for name, count in sorted(self.folders.items())
        )
        parts = []
        if files:
            parts.append(f"{self.files.total()} files that are no photos ({files})")
        if folders:
            parts.append(f"{self.folders.total()} folders of systems and programs ({folders})")
        return " and ".join(parts)
