"""The command: it makes a model folder from an owner's files, or ends in one clear line."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from archive.source import read_source
from classifier.description import Preprocessing
from classifier.reference import REFERENCE_NAMES
from tests.archive.imports.owners import (
    CLASS_NAMES,
    SIZE,
    SMALL,
    answers_of,
    draw_edges,
    expected_answers,
    fitted,
    write_bucket,
)
from tests.s3 import FOREIGN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.archive.imports.owners import Owned
    from tests.s3 import S3


def description_of(folder: Path) -> Any:
    return json.loads((folder / "model.json").read_text(encoding="utf-8"))


def test_a_bucket_folder_becomes_a_checked_model(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    outcome = imports(owned.folder, "--data-url", owned.photos, *SIZE)
    assert outcome.code == 0, outcome.log
    assert "3 classes, accuracy 100.0 % on 36 photos" in outcome.out
    assert f"next: make archive serve TRAIN_URL={tmp_path / 'model'}" in outcome.out
    for said in (
        "network: resnet18, found: all its tensors fit",
        "network: timm/resnet18 has the same tensors, and gives the same answers, but has other",
        "network: resnetblur18 has the same tensors, and gives other answers: set ARCH=",
        "classes: 3, from class_indices.json: tulips, daisy, roses",
        "preprocessing: short side to 72 px (bilinear), centre 64 px",
        "(resize, crop as you say, the rest the default of resnet18)",
        "accuracy 100.0 % (90.4 % to 100.0 %) on 36 photos",
        "  roses: 100.0 % (75.8 % to 100.0 %) of 12",
    ):
        assert said in outcome.log
    source = read_source(tmp_path / "model")
    assert source.class_names == CLASS_NAMES
    assert source.description.preprocessing == SMALL
    assert source.description.similarity_below is not None
    assert source.description.temperature == 1.0
    stored = torch.load(source.weights, weights_only=True)
    assert all(torch.equal(stored[name], v) for name, v in owned.network.state_dict().items())


def test_answers_are_those_of_the_owners_own_code(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    assert imports(owned.folder, *SIZE).code == 0
    np.testing.assert_allclose(
        answers_of(tmp_path / "model", owned), expected_answers(owned), atol=1e-3
    )


def test_without_photos_nothing_is_said_of_its_accuracy(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    outcome = imports(owned.folder, *SIZE)
    assert "accuracy never measured (DATA_URL= names photos)" in outcome.out
    description = description_of(tmp_path / "model")
    assert description["val_accuracy"] is None
    assert description["val_images"] == 0
    answers = json.loads((tmp_path / "model/reference.json").read_text(encoding="utf-8"))
    assert set(answers) == set(REFERENCE_NAMES)


def test_a_bucket_is_imported_from_where_it_is(
    owned: Owned, s3: S3, tmp_path: Path, imports: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if FOREIGN.fullmatch(name)]:
        monkeypatch.delenv(name)
    for name, value in s3.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    s3.make_bucket("left-behind")
    s3.put_folder("left-behind", "resnet", owned.folder)
    s3.put("left-behind", "resnet/data_set/train/daisy/huge.jpg", b"never copied")
    arguments = ("--train-url", "obs://left-behind/imported", *SIZE)
    outcome = imports("obs://left-behind/resnet", *arguments)
    assert outcome.code == 0, outcome.log
    assert "imported/model.json" in s3.keys("left-behind")
    cached = {path.name for path in (tmp_path / "cache").rglob("*")}
    assert "resnet18.pth" in cached
    assert not {"huge.jpg", "customize_service.py"} & cached
    error = imports("obs://left-behind/resnet/model/resnet18.pth", *arguments).error
    assert "obs://left-behind/imported holds a model already: name another TRAIN_URL" in error


def test_a_model_is_overwritten_only_if_asked(owned: Owned, imports: Any) -> None:
    assert imports(owned.folder, *SIZE).code == 0
    assert "holds a model already: name another TRAIN_URL, or replace it with ARGS=--replace" in (
        imports(owned.folder, *SIZE).error
    )
    assert imports(owned.folder, *SIZE, "--replace").code == 0


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("daisy", "roses", "tulips"), "the order tulips, daisy, roses"),
        (("roses", "daisy", "tulips"), "the reverse order"),
    ],
)
def test_another_order_of_the_labels_is_found_out(
    names: tuple[str, ...], message: str, owned: Owned, tmp_path: Path, imports: Any
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(names))
    arguments = ("--labels", labels, "--data-url", owned.photos, *SIZE)
    error = imports(owned.folder, *arguments).error
    assert f"but 100.0 % if the classes were in {message}: is {labels} of this model?" in error
    assert not (tmp_path / "model").exists()
    outcome = imports(owned.folder, *arguments, "--force")
    assert outcome.code == 0
    assert "going on, as you say: " in outcome.log


def test_alphabetical_order_is_called_so(owned: Owned, tmp_path: Path, imports: Any) -> None:
    """As ImageFolder numbers the classes: what a forgotten class_indices.json would have said."""
    state = owned.network.state_dict()
    alphabetical = [CLASS_NAMES.index(name) for name in sorted(CLASS_NAMES)]
    for name in ("fc.weight", "fc.bias"):
        state[name] = state[name][alphabetical]
    folder = tmp_path / "owner"
    folder.mkdir()
    torch.save(state, folder / "resnet18.pth")
    labels = owned.folder / "model/class_indices.json"
    arguments = ("--data-url", owned.photos, *SIZE)
    error = imports(folder, "--labels", labels, *arguments).error
    assert "100.0 % if the classes were in alphabetical order" in error
    # Without any labels, that is what is taken.
    outcome = imports(folder, *arguments)
    assert outcome.code == 0, outcome.log
    assert f"classes: 3, from the folders of {owned.photos}: daisy, roses, tulips" in outcome.log


def test_another_preprocessing_is_found_out(tmp_path: Path, imports: Any) -> None:
    draw_edges(tmp_path / "photos")
    squashed = Preprocessing(resize=64, crop=64, squash=True)
    write_bucket(tmp_path / "owner", fitted(tmp_path / "photos", squashed))
    arguments = ("--data-url", tmp_path / "photos", "--crop", 64)
    error = imports(tmp_path / "owner", *arguments).error
    assert "but 100.0 % with squashed to 64 px" in error
    assert 'was the model trained so? Say ARGS="--squash", or go on as it is' in error
    assert imports(tmp_path / "owner", *arguments, "--squash").code == 0
    assert Preprocessing(**description_of(tmp_path / "model")["preprocessing"]).squash


def test_a_model_that_gives_one_class_to_everything_is_no_better_than_guessing(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    state = owned.network.state_dict()
    state["fc.weight"] = torch.zeros_like(state["fc.weight"])
    folder = tmp_path / "owner"
    folder.mkdir()
    torch.save(state, folder / "resnet18.pth")
    error = imports(
        folder,
        "--labels",
        owned.folder / "model/class_indices.json",
        "--data-url",
        owned.photos,
        *SIZE,
    ).error
    assert (
        "36 photos are right, no better than guessing; 100% of the answers are one class" in error
    )


def test_labels_that_do_not_fit_end_in_one_line(owned: Owned, tmp_path: Path, imports: Any) -> None:
    (tmp_path / "labels.txt").write_text("daisy\nroses")
    assert "has 2 class names, the network's head has 3 outputs" in (
        imports(owned.folder, "--labels", tmp_path / "labels.txt").error
    )
    (tmp_path / "labels.txt").write_text("tulip\ndaisy\nrose")
    error = imports(
        owned.folder, "--labels", tmp_path / "labels.txt", "--data-url", owned.photos
    ).error
    assert (
        "'roses' is not one of the model's classes (is it 'rose'?), which are tulip, daisy, rose: "
        in error
    )
    assert "rename the folder, or name the labels of this model with LABELS=" in error


def test_no_labels_and_no_photos_end_in_one_line(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    torch.save(owned.network.state_dict(), tmp_path / "resnet18.pth")
    error = imports(tmp_path / "resnet18.pth").error
    assert "no class names: name a file with LABELS=" in error


def test_photos_that_were_named_must_be_there(owned: Owned, imports: Any) -> None:
    error = imports(owned.folder, "--data-url", "no/such/photos", *SIZE).error
    assert "no/such/photos: no such folder of photos" in error
    assert imports(owned.folder, "--data-url", "none", *SIZE).code == 0
