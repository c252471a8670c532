"""Which photos of a source are of which class and split, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from train.data.data_set import Listing


@dataclass
class Layout:
    """What was recognised.

    Attributes:
        root: The folder that holds the class folders, or those of the splits.
        listing: Split to class to photos; "train" alone where the source has no split.
        told: What became what, in sentences.
        left_out: What was left out, and why.
        folders: Of each split; empty where a table tells the classes.
    """

    root: Path
    listing: Listing = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)

    def place(self, split: str, *names: str) -> Path:
        """Return where the photos of a split, or of one of its classes, belong."""
        return self.folders.get(split, self.root / split).joinpath(*names)
