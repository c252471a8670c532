"""What the handler reads is trained on as it sees it, and what it refuses is named by its path."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from tests.classifier.test_image_forms import FOREIGN
from tests.models import PREPROCESSING, pixels_of
from tests.pictures import SAMPLES
from tests.train.data.test_similar import scene
from train.data.check import check_data_set
from train.data.data_set import read_evaluation_pixels
from train.data.preparing import Wishes, prepare

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_form_is_prepared_and_read_as_the_handler_reads_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "source"
    for name in ("forms", "scenes"):
        (source / name).mkdir(parents=True)
    for name, sample in SAMPLES.items():
        (source / "forms" / f"{name.replace('/', '_')}.photo").write_bytes(sample.file)
    for number, file in enumerate(FOREIGN.values()):
        (source / "forms" / f"foreign-{number}.photo").write_bytes(file)
    for number in range(4):
        scene(number).save(source / "scenes" / f"{number}.png")
    wishes = Wishes(skip_unreadable=True, near_duplicates="ignore", val_share=0.5)
    with caplog.at_level(logging.WARNING):
        prepare(source, tmp_path / "data_set", wishes)
    for number, what in enumerate(FOREIGN):
        path = source / f"forms/foreign-{number}.photo"
        assert f"left out {path}: unreadable: {what}: convert it" in caplog.text
    data_set, _ = check_data_set(tmp_path / "data_set")
    paths = {photo.path.name: photo.path for photo in (*data_set.train, *data_set.val)}
    for name, sample in SAMPLES.items():
        path = paths.pop(f"{name.replace('/', '_')}.photo")
        np.testing.assert_array_equal(
            read_evaluation_pixels(path, PREPROCESSING), pixels_of(sample.file)
        )
    assert sorted(paths) == [f"{number}.png" for number in range(4)]
