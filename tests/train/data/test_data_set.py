"""Reading photos from a data set, and transforming them at random."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from classifier.description import Preprocessing
from classifier.images import decode, to_pixels
from tests.train.conftest import CONFIG
from train.data.check import check_data_set
from train.data.data_set import Draw, EvaluationPhotos, Photo, TrainingPhotos, read_image
from train.evaluation.features import measure
from train.fit.transforms import crop_of_epoch, training_transform
from train.recipe import Recipe, read_recipe


def test_classes_and_photos_are_sorted(data_root: Path) -> None:
    data_set, _ = check_data_set(data_root)
    assert data_set.class_names == ("blue", "red")
    assert [photo.label for photo in data_set.train] == [0] * 4 + [1] * 4
    assert [photo.path.name for photo in data_set.val] == ["0.jpg", "1.jpg"] * 2


def test_fingerprint_follows_names_and_contents_not_the_place(
    data_root: Path, tmp_path: Path
) -> None:
    _, original = check_data_set(data_root)
    elsewhere = Path(shutil.copytree(data_root, tmp_path / "elsewhere"))
    assert check_data_set(elsewhere)[1] == original
    (elsewhere / "val/red/0.jpg").rename(elsewhere / "val/red/7.jpg")
    assert check_data_set(elsewhere)[1] != original


@pytest.mark.parametrize(("mode", "suffix"), [("RGB", "jpg"), ("L", "png"), ("RGBA", "png")])
def test_evaluation_sees_what_the_handler_sees(tmp_path: Path, mode: str, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, size=(300, 411, 4), dtype=np.uint8)
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(noise).convert(mode).save(path)
    data = path.read_bytes()
    handler = to_pixels(decode(data, max_bytes=10**9, max_pixels=10**9), Preprocessing())
    pixels, label = EvaluationPhotos([Photo(path, 3)], Preprocessing())[0]
    assert pixels.dtype == torch.uint8
    assert label == 3
    np.testing.assert_array_equal(pixels.numpy(), handler)


def test_chance_depends_on_seed_epoch_and_photo_only(data_root: Path, tiny_recipe: Recipe) -> None:
    data_set, _ = check_data_set(data_root)
    transform = training_transform(tiny_recipe, 32, Preprocessing())

    def draw(*, seed: int, epoch: int) -> torch.Tensor:
        torch.rand(1)  # whatever else drew random numbers
        photos = TrainingPhotos(data_set.train, lambda _: transform, seed=seed)
        return photos[Draw(epoch, photo=1, crop=32)][0]

    first = draw(seed=0, epoch=0)
    assert first.shape == (3, 32, 32)
    assert torch.equal(first, draw(seed=0, epoch=0))
    assert not torch.equal(first, draw(seed=0, epoch=1))
    assert not torch.equal(first, draw(seed=1, epoch=0))


def test_damaged_exif_data_stop_no_training(tmp_path: Path, tiny_recipe: Recipe) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (80, 60), "red").save(path, exif=b"Exif\x00\x00no TIFF header")
    transform = training_transform(tiny_recipe, 32, Preprocessing())
    photos = TrainingPhotos([Photo(path, 1)], lambda _: transform, seed=0)
    pixels, label = photos[Draw(epoch=0, photo=0, crop=32)]
    assert pixels.shape == (3, 32, 32)
    assert label == 1
    assert measure(read_image(path))[0] == 80 * 60


def test_original_transform_is_the_originals() -> None:
    image = Image.fromarray(
        np.random.default_rng(2).integers(0, 256, size=(256, 300, 3), dtype=np.uint8)
    )
    original = v2.Compose(
        [
            v2.RandomResizedCrop(224),
            v2.RandomHorizontalFlip(),
            v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    ours = training_transform(read_recipe(CONFIG / "original.toml"), 224, Preprocessing())
    for seed in range(4):
        torch.manual_seed(seed)
        expected = original(image)
        torch.manual_seed(seed)
        assert torch.equal(ours(image), expected)


def test_crops_grow_in_equal_steps() -> None:
    settings = ["epochs=6", "crop_first=64", "crop_last=128"]
    recipe = read_recipe(CONFIG / "train.toml", settings)
    assert [crop_of_epoch(recipe, epoch) for epoch in range(6)] == [64, 64, 96, 96, 128, 128]
    constant = read_recipe(CONFIG / "original.toml")
    assert {crop_of_epoch(constant, epoch) for epoch in range(3)} == {224}
