"""An owner's model and photos of its classes; made once, so no test may change them."""

from __future__ import annotations

import pytest

from tests.archive.imports.owners import SMALL, Owned, draw_photos, fitted, write_bucket


@pytest.fixture(scope="session")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Owned:
    """A ResNet18 in the layout of a ModelArts bucket, trained on small pictures."""
    root = tmp_path_factory.mktemp("owned")
    draw_photos(root / "photos")
    network = fitted(root / "photos", SMALL)
    write_bucket(root / "resnet/model", network)
    return Owned(root / "resnet", network, root / "photos")
