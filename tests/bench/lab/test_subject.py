"""What is sent and served: photos of several sizes, archives with other settings."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
import yaml
from PIL import Image

from bench.lab.errors import Unusable
from bench.lab.plan import FULL
from bench.lab.subject import find_photos
from bench.lab.variants import variant
from bench.speed.__main__ import main
from bench.speed.compare import order
from bench.speed.sweeps import scale
from classifier.description import sha256_of_file

if TYPE_CHECKING:
    from pathlib import Path


def test_classes_are_mixed(tmp_path: Path) -> None:
    for name in ("a/1.jpg", "a/2.jpg", "a/3.JPEG", "b/1.jpg", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"photo")
    found = [str(path.relative_to(tmp_path)) for path in find_photos(tmp_path)]
    assert found == ["a/1.jpg", "b/1.jpg", "a/2.jpg", "a/3.JPEG"]


def test_no_photos_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no JPEG files"):
        find_photos(tmp_path)


@pytest.mark.parametrize(("megapixels", "size"), [(None, (500, 250)), (0.5, (1000, 500))])
def test_scaled_photos_keep_their_shape(megapixels: float | None, size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 100), "red").save(buffer, "JPEG")
    image = Image.open(io.BytesIO(scale(buffer.getvalue(), megapixels)))
    assert (image.size, image.format) == (size, "JPEG")


def test_an_archive_with_other_settings_differs_in_nothing_else(tmp_path: Path) -> None:
    mar = tmp_path / "flowers.mar"
    with zipfile.ZipFile(mar, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", "{}")
        archive.writestr("model-config.yaml", "batchSize: 16  # why\n")
        archive.writestr("model.bin", b"weights")
    copy = variant(mar, {"batchSize": 4}, tmp_path / "other")
    assert copy.name == mar.name
    with zipfile.ZipFile(copy) as archive:
        assert yaml.safe_load(archive.read("model-config.yaml")) == {"batchSize": 4}
        assert archive.read("model.bin") == b"weights"
    stamp = copy.with_name("flowers.mar.sha256").read_text(encoding="utf-8")
    assert stamp.split() == [sha256_of_file(copy), "flowers.mar"]


def test_each_round_begins_with_another_server() -> None:
    rounds = [order(FULL.servers, number) for number in range(3)]
    assert len({names[0] for names in rounds}) == 3
    assert all(sorted(names) == sorted(FULL.servers) for names in rounds)


def test_a_missing_archive_names_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    places = ["--mar", "none.mar", "--work", str(tmp_path), "--output", str(tmp_path / "b.md")]
    assert main(["--photos", str(tmp_path), *places]) == 1
    assert capsys.readouterr().err == "error: none.mar: missing; run `make archive` first\n"


def test_an_unknown_server_names_those_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--photos", str(tmp_path), "--only", "nginx", "--work", str(tmp_path)]) == 1
    assert (
        "unknown servers: nginx; known are marigold, second, stock, stock1"
        in capsys.readouterr().err
    )
