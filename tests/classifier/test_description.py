"""`model.json`: what is written is read, and nothing unknown or impossible is accepted."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.description import (
    INTERPOLATIONS,
    ModelDescription,
    Preprocessing,
    read_description,
    sha256_of_file,
    write_description,
)
from classifier.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

shares = st.floats(0, 1)
preprocessings = st.integers(1, 512).flatmap(
    lambda resize: st.builds(
        Preprocessing,
        resize=st.just(resize),
        crop=st.integers(1, resize),
        mean=st.tuples(shares, shares, shares),
        std=st.tuples(*[st.floats(0.001, 1)] * 3),
        squash=st.booleans(),
        interpolation=st.sampled_from(INTERPOLATIONS),
    )
)
descriptions = st.builds(
    ModelDescription,
    arch=st.text(),
    weights_file=st.text(),
    weights_sha256=st.text(),
    preprocessing=preprocessings,
    data_fingerprint=st.text(),
    val_accuracy=st.none() | shares,
    val_accuracy_ci95=st.none() | st.tuples(shares, shares),
    val_images=st.integers(0, 10**9),
    recipe=st.text(),
    git_revision=st.text(),
)


@settings(max_examples=30)
@given(descriptions)
def test_reading_gives_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, description: ModelDescription
) -> None:
    path = tmp_path_factory.getbasetemp() / "description.json"
    write_description(path, description)
    assert read_description(path) == description


def test_what_is_not_known_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text('{"arch": "resnet34", "weights_file": "w.pth", "weights_sha256": "0"}')
    assert read_description(path) == ModelDescription("resnet34", "w.pth", "0")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"archs": "resnet34"}, "unexpected keyword argument 'archs'"),
        ({"preprocessing": {"size": 224}}, "unexpected keyword argument 'size'"),
        ({"preprocessing": {"crop": 257}}, "crop must be in 1..256"),
        ({"preprocessing": {"crop": 0}}, "crop must be in 1..256"),
        ({"preprocessing": {"crop": "224"}}, "not a model description"),
        ({"preprocessing": {"mean": [0.5]}}, "mean and std must hold three values each"),
        ({"preprocessing": {"std": [0.2, 0.2, 0]}}, "std above 0"),
        ({"preprocessing": {"std": 0.2}}, "not a model description"),
        ({"preprocessing": [256, 224]}, "not a model description"),
        ({"preprocessing": {"interpolation": "nearest"}}, "must be one of bilinear, bicubic"),
        ({"preprocessing": {"squash": "yes"}}, "squash must be true or false, found 'yes'"),
    ],
)
def test_wrong_fields_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = tmp_path / "model.json"
    fields = {"arch": "resnet34", "weights_file": "w.pth", "weights_sha256": "0"}
    path.write_text(json.dumps(fields | changes), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        read_description(path)


def test_an_older_description_keeps_its_meaning(tmp_path: Path) -> None:
    """Those in `model.json` before there was a choice: short side, bilinear."""
    path = tmp_path / "model.json"
    older = {"resize": 256, "crop": 224, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    fields = {"arch": "resnet34", "weights_file": "w.pth", "weights_sha256": "0"}
    path.write_text(json.dumps(fields | {"preprocessing": older}), encoding="utf-8")
    half = (0.5, 0.5, 0.5)
    expected = Preprocessing(256, 224, half, half, squash=False, interpolation="bilinear")
    assert read_description(path).preprocessing == expected


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"resnet34"', "null", "{}"])
def test_other_json_is_no_description(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"model\.json: not a model description: "):
        read_description(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.json: not a model description: .*No such file"):
        read_description(tmp_path / "none.json")


def test_a_file_is_hashed_by_its_contents(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"flower" * 100_000)
    assert sha256_of_file(path) == hashlib.sha256(b"flower" * 100_000).hexdigest()
