"""An owner's model and photos of its classes; made once, so no test may change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from archive.imports.__main__ import main
from tests.archive.imports.owners import SMALL, Owned, draw_photos, fitted, write_bucket

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Owned:
    """A ResNet18 in the layout of a ModelArts bucket, trained on small pictures."""
    root = tmp_path_factory.mktemp("owned")
    draw_photos(root / "photos")
    network = fitted(root / "photos", SMALL)
    write_bucket(root / "resnet/model", network)
    return Owned(root / "resnet", network, root / "photos")


class Outcome:
    """What a command ended with and said."""

    def __init__(self, code: int, out: str, log: str) -> None:
        self.code, self.out, self.log = code, out, log

    @property
    def error(self) -> str:
        """The one line of a command that failed."""
        assert self.code == 1, self.log
        (line,) = [line for line in self.log.splitlines() if line.startswith("error: ")]
        return line


@pytest.fixture
def imports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Any:
    """Run the command into `tmp_path/model`."""

    def run(weights: Path | str, *arguments: object) -> Outcome:
        caplog.clear()
        caplog.set_level("INFO")
        code = main(
            ["--weights", str(weights), "--train-url", str(tmp_path / "model")]
            + [str(argument) for argument in arguments]
        )
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err + caplog.text)

    return run
