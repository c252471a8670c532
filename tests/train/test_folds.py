"""Cross-validation: who is in which fold, and what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.train.conftest import TINY
from train.data.data_set import Photo
from train.errors import DataError
from train.folds import FOLDER, PAGE, divide, main


def test_folds_are_even_by_class_and_keep_near_duplicates_together() -> None:
    photos = [Photo(Path(f"{label}/{index}"), label) for label in (0, 1) for index in range(10)]
    groups = [(Path("0/1"), Path("0/5"), Path("0/7"))]
    folds = divide(photos, groups, 5, seed=0)
    for label in (0, 1):
        sizes = [folds[10 * label : 10 * label + 10].count(fold) for fold in range(5)]
        assert max(sizes) - min(sizes) <= 2
        assert min(sizes) >= 1
    assert folds[1] == folds[5] == folds[7]


def test_more_folds_than_photos_of_a_class_are_refused() -> None:
    photos = [Photo(Path(f"{index}"), 0) for index in range(3)]
    with pytest.raises(DataError, match="at most 3 folds are possible"):
        divide(photos, [], 4, seed=0)


@pytest.mark.slow
def test_every_photo_is_classified_by_a_network_that_has_not_learned_it(
    data_root: Path, tmp_path: Path
) -> None:
    settings = [word for setting in (*TINY, "epochs=1") for word in ("--set", setting)]
    urls = ["--data_url", str(data_root), "--eval_url", str(tmp_path / "out")]
    assert main([*urls, "--folds", "3", *settings]) == 0
    page = (tmp_path / "out" / FOLDER / PAGE).read_text()
    assert "# Cross-validation in 3 folds" in page
    assert "on 12 photos" in page
    assert (tmp_path / "out" / FOLDER / "suspect_labels.csv").is_file()
    with pytest.raises(SystemExit, match="2"):
        main(["--folds", "1"])
