"""Network names, and their libraries' preprocessing: the served pixels equal the library's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import timm
from PIL import Image
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform
from torchvision import models
from torchvision.transforms import v2

from classifier.architectures import (
    build_module,
    check_architecture,
    default_preprocessing,
    file_name,
    library_of,
)
from classifier.description import INTERPOLATIONS, Preprocessing
from classifier.errors import ModelError
from classifier.images import to_pixels

SIZES = [(317, 211), (211, 317), (640, 480), (256, 256), (90, 61), (1201, 801)]


def noise(width: int, height: int) -> Image.Image:
    """Draw what is hardest to resize equally."""
    random = np.random.default_rng(width * 1000 + height)
    return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))


def assert_equal_up_to_rounding(
    image: Image.Image, preprocessing: Preprocessing, transform: Any
) -> None:
    """Hold the pixels against a library's own; see `classifier.images` for what may differ."""
    expected = np.asarray(transform(image))
    pixels = to_pixels(image, preprocessing)
    assert pixels.shape == expected.shape
    differences = np.abs(pixels.astype(int) - expected)
    # Noise is at black and white everywhere, and so overshoots everywhere.
    clipped = {"bilinear": 1e-4, "bicubic": 0.03, "lanczos": 0.1}[preprocessing.interpolation]
    assert (differences > 1).mean() <= clipped
    assert differences.mean() <= 0.5


@pytest.mark.parametrize(
    ("arch", "library"),
    [
        ("resnet34", "torchvision"),
        ("timm/resnet34", "timm"),
        ("efficientnet_b0", "torchvision"),
        ("tf_efficientnet_lite0", "timm"),
        ("timm/resnet50.a1_in1k", "timm"),
    ],
)
def test_a_plain_name_is_torchvisions_where_it_has_one(arch: str, library: str) -> None:
    assert library_of(arch) == library


@pytest.mark.parametrize(
    ("arch", "hint"),
    [("resnet43", "resnet34"), ("timm/resnet43", "timm/resnet34"), ("fcn_resnet50", "resnet50")],
)
def test_an_unknown_name_is_refused_and_the_nearest_is_named(arch: str, hint: str) -> None:
    with pytest.raises(ModelError, match=f"unknown architecture '{arch}': .*did you mean .*{hint}"):
        check_architecture(arch)


def test_a_size_that_a_transformer_cannot_have_is_refused() -> None:
    with pytest.raises(ModelError, match="vit_b_16 cannot be built for 100 x 100 pixels"):
        build_module("vit_b_16", 2, 100)


def test_the_file_of_weights_is_in_no_folder() -> None:
    assert file_name("timm/resnet34", ".pth") == "timm-resnet34.pth"
    assert file_name("resnet34", ".pth") == "resnet34.pth"


@pytest.mark.parametrize("arch", ["resnet34", "efficientnet_b0", "convnext_tiny", "vit_b_16"])
@pytest.mark.parametrize("size", SIZES)
def test_default_pixels_are_torchvisions(arch: str, size: tuple[int, int]) -> None:
    wanted = models.get_model_weights(arch).IMAGENET1K_V1.transforms()
    preprocessing = default_preprocessing(arch)
    assert (preprocessing.mean, preprocessing.std) == (tuple(wanted.mean), tuple(wanted.std))
    transform = v2.Compose(
        [
            v2.Resize(wanted.resize_size, wanted.interpolation),
            v2.CenterCrop(wanted.crop_size),
        ]
    )
    assert_equal_up_to_rounding(noise(*size), preprocessing, transform)


@pytest.mark.parametrize(
    "arch",
    ["tf_efficientnet_lite0", "timm/resnet50.a1_in1k", "timm/vit_base_patch16_clip_224.openai"],
)
@pytest.mark.parametrize("size", SIZES)
def test_default_pixels_are_timms(arch: str, size: tuple[int, int]) -> None:
    config = timm.get_pretrained_cfg(arch.removeprefix("timm/"))
    assert config is not None
    data: dict[str, Any] = resolve_model_data_config({}, vars(config))  # type: ignore[no-untyped-call]
    preprocessing = default_preprocessing(arch)
    assert (preprocessing.mean, preprocessing.std) == (data["mean"], data["std"])
    transform = create_transform(**data, normalize=False)
    channels_first = transform(noise(*size))
    assert_equal_up_to_rounding(
        noise(*size), preprocessing, lambda _: np.moveaxis(channels_first.numpy(), 0, 2)
    )


@pytest.mark.parametrize(
    ("arch", "found"),
    [
        ("timm/vit_base_patch16_sapiens2.fb", "768 x 1024"),
        ("timm/deepseek_vit_412m_enc.deepseek_v4_1_flash", "crop mode 'border'"),
    ],
)
def test_a_network_for_other_pictures_is_refused(arch: str, found: str) -> None:
    with pytest.raises(ModelError, match=f"{found}.*only square inputs, cropped or squashed"):
        default_preprocessing(arch)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("size", SIZES)
def test_a_squashed_picture_is_torchvisions(interpolation: str, size: tuple[int, int]) -> None:
    """As `Resize((224, 224))`, the commonest transform of all, and squashed before a crop."""
    for resize, crop in ((224, 224), (256, 224)):
        preprocessing = Preprocessing(resize, crop, squash=True, interpolation=interpolation)
        mode = v2.InterpolationMode(interpolation)
        transform = v2.Compose([v2.Resize((resize, resize), mode), v2.CenterCrop(crop)])
        assert_equal_up_to_rounding(noise(*size), preprocessing, transform)
