"""Learning from a teacher, and training the teacher."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import pytest
import torch

from classifier.description import (
    DESCRIPTION_FILE,
    ModelDescription,
    Preprocessing,
    write_description,
)
from classifier.labels import LABELS_FILE, write_labels
from classifier.network import build_network, read_state_dict
from classifier.parts import look_at_stages
from tests.models import PREPROCESSING
from train.data.check import check_data_set
from train.errors import WeightsError
from train.fit.checkpoint import Checkpoint
from train.fit.distillation import build_distillation, kl_divergence
from train.fit.loop import train_network
from train.fit.teacher import Teacher, new_teacher, ready_teacher
from train.fit.weights import write_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from train.fit.checkpoint import Progress
    from train.recipe import Recipe

CPU = torch.device("cpu")
IMAGES = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    torch.manual_seed(0)
    fresh = new_teacher("efficientnet-lite0", 2, PREPROCESSING)
    return fresh.eval().requires_grad_(requires_grad=False)


@pytest.fixture
def taught(tiny_recipe: Recipe) -> Recipe:
    return dataclasses.replace(
        tiny_recipe,
        teacher="efficientnet-lite0",
        teacher_epochs=1,
        distil_labels=0.5,
        distil_features=1.0,
    )


@pytest.mark.parametrize("arch", ["resnet18", "resnet50"])
def test_stages_of_teacher_and_student_match(teacher: Teacher, arch: str, taught: Recipe) -> None:
    student = build_network(arch, 2)
    its, mine = teacher.view(IMAGES), look_at_stages(student, IMAGES)
    assert its.logits.shape == mine.logits.shape == (4, 2)
    assert torch.equal(its.logits, teacher(IMAGES))
    assert [f.shape[1] for f in its.features] == teacher.channels
    sides = [64 // stride for stride in (4, 8, 16, 32)]
    assert [f.shape[2] for f in its.features] == [f.shape[2] for f in mine.features] == sides
    distillation = build_distillation(teacher, student, taught)
    assert torch.isfinite(distillation.combine(IMAGES, mine, torch.tensor(1.0)))


def test_the_view_of_a_student_ends_in_its_logits() -> None:
    student = build_network("resnet18", 2).eval()
    assert torch.allclose(look_at_stages(student, IMAGES).logits, student(IMAGES), atol=1e-6)


def test_the_divergence_is_that_of_softened_probabilities() -> None:
    teacher, student = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    p = 1 / (1 + torch.exp(torch.tensor(-1.0)))  # temperature 2
    expected = 4 * (p * torch.log(2 * p) + (1 - p) * torch.log(2 * (1 - p)))
    assert kl_divergence(teacher, student) == pytest.approx(float(expected), rel=1e-5)
    assert kl_divergence(teacher, teacher) == pytest.approx(0, abs=1e-7)


def test_a_share_of_zero_leaves_the_labels_alone(teacher: Teacher, taught: Recipe) -> None:
    student = build_network("resnet18", 2)
    recipe = dataclasses.replace(taught, distil_labels=0.0, distil_features=0.0)
    distillation = build_distillation(teacher, student, recipe)
    label_loss = torch.tensor(0.7)
    assert distillation.combine(IMAGES, look_at_stages(student, IMAGES), label_loss) == label_loss


def test_features_of_the_teacher_itself_are_no_distance(teacher: Teacher, taught: Recipe) -> None:
    recipe = dataclasses.replace(taught, distil_labels=1.0)
    distillation = build_distillation(teacher, build_network("resnet18", 2), recipe)
    distillation.adapters = torch.nn.ModuleList(torch.nn.Identity() for _ in teacher.channels)
    assert distillation.combine(IMAGES, teacher.view(IMAGES), torch.tensor(9.0)) == pytest.approx(
        0, abs=1e-5
    )


def _train(
    recipe: Recipe,
    data_root: Path,
    folder: Path,
    *,
    resume: bool = False,
    after_save: Callable[[Path], None] = lambda _: None,
) -> Progress:
    data_set, fingerprint = check_data_set(data_root)
    torch.manual_seed(recipe.seed)
    network = build_network(recipe.arch, 2)
    folder.mkdir(exist_ok=True)
    checkpoint = Checkpoint(folder / "checkpoint.pt", recipe, fingerprint, after_save)
    return train_network(network, data_set, recipe, checkpoint=checkpoint, resume=resume)


def test_an_interrupted_training_learns_the_same(
    taught: Recipe, data_root: Path, tmp_path: Path
) -> None:
    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    whole = _train(taught, data_root, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _train(taught, data_root, tmp_path / "parts", after_save=interrupt)
    parts = _train(taught, data_root, tmp_path / "parts", resume=True)
    assert [r.train_loss for r in parts.history] == [r.train_loss for r in whole.history]
    for key, value in whole.best_state.items():
        assert torch.equal(parts.best_state[key], value)


def test_the_teacher_is_fine_tuned_once_for_its_photos_and_recipe(
    taught: Recipe, data_root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data_set, fingerprint = check_data_set(data_root)

    def teacher_of(recipe: Recipe) -> Teacher:
        return ready_teacher(
            data_set,
            recipe,
            PREPROCESSING,
            folder=tmp_path,
            data_fingerprint=fingerprint,
            device=CPU,
        )

    with caplog.at_level(logging.INFO):
        first = teacher_of(taught)
        assert "teacher: val accuracy" in caplog.text
        caplog.clear()
        second = teacher_of(dataclasses.replace(taught, epochs=9, lr=1e-2, distil_labels=0.1))
        assert "val accuracy" not in caplog.text  # settings of the student alone
    assert torch.equal(first(IMAGES), second(IMAGES))
    assert not any(p.requires_grad for p in first.parameters())
    teacher_of(dataclasses.replace(taught, teacher_epochs=2))
    assert len(list(tmp_path.glob("teacher-*.safetensors"))) == 2


def _model(folder: Path, names: tuple[str, ...]) -> Path:
    """Write a model of these classes whose pixels are normalised as an EfficientNet-Lite's are."""
    torch.manual_seed(1)
    path = folder / "model.safetensors"
    sha256 = write_weights(path, build_network("resnet18", len(names)).state_dict())
    half = (0.5, 0.5, 0.5)
    own = Preprocessing(mean=half, std=half)
    description = ModelDescription("resnet18", path.name, sha256, preprocessing=own)
    write_description(folder / DESCRIPTION_FILE, description)
    write_labels(folder / LABELS_FILE, names)
    return folder


def test_a_model_of_the_same_classes_teaches_as_it_is(
    taught: Recipe, data_root: Path, tmp_path: Path
) -> None:
    data_set, fingerprint = check_data_set(data_root)
    names = data_set.class_names
    folder = _model(tmp_path / "model", names[::-1])
    recipe = dataclasses.replace(taught, teacher=str(folder))
    teacher = ready_teacher(
        data_set,
        recipe,
        PREPROCESSING,
        folder=tmp_path,
        data_fingerprint=fingerprint,
        device=CPU,
    )
    network = build_network("resnet18", 2)
    network.load_state_dict(read_state_dict(folder / "model.safetensors"))
    mean, std = (
        torch.tensor(each).view(1, 3, 1, 1) for each in (PREPROCESSING.mean, PREPROCESSING.std)
    )
    pixels = IMAGES * std + mean  # in 0..1
    expected = network.eval()((pixels - 0.5) / 0.5)[:, [1, 0]]
    assert torch.allclose(teacher(IMAGES), expected, atol=1e-4)
    assert not list(tmp_path.glob("teacher-*"))
    assert _train(recipe, data_root, tmp_path / "student").history


def test_a_model_of_other_classes_is_no_teacher(
    taught: Recipe, data_root: Path, tmp_path: Path
) -> None:
    folder = _model(tmp_path / "model", ("cat", "dog"))
    recipe = dataclasses.replace(taught, teacher=str(folder))
    with pytest.raises(WeightsError, match=r"knows cat, dog, and the photos are of blue, red"):
        _train(recipe, data_root, tmp_path / "student")
