"""Certificate files that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client.api.trust import Trust
from client.errors import LocalFileError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["ca_file", "pinned"])
def test_a_file_without_a_certificate_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "certificate.pem"
    with pytest.raises(LocalFileError, match=f"cannot read {path}"):
        Trust(**{name: path}).adapter()
    path.write_text("no certificate", encoding="utf-8")
    with pytest.raises(LocalFileError, match="contains no PEM certificate"):
        Trust(**{name: path}).adapter()
