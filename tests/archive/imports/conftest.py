"""A model of an owner's, and photos of its classes; made once, so no test may change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.archive.imports.owners import SMALL, draw_photos, fitted, write_bucket

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


class Owned(NamedTuple):
    """An owner's model: its folder, its network, and photos of its classes."""

    folder: Path
    network: nn.Module
    photos: Path


@pytest.fixture(scope="session")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Owned:
    """A ResNet18 in the layout of a ModelArts bucket, trained on small pictures."""
    root = tmp_path_factory.mktemp("owned")
    draw_photos(root / "photos")
    network = fitted(root / "photos", SMALL)
    write_bucket(root / "resnet/model", network)
    return Owned(root / "resnet", network, root / "photos")
