"""Any network works end to end: built, verified in a clean process, and queried."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest

from archive.build import build
from archive.errors import BuildError
from archive.optimise import convert, has_attention
from archive.source import read_source
from archive.verify import verify
from classifier.description import Preprocessing
from classifier.reference import REFERENCE_NAMES, draw_png, read_reference
from tests.archive.packing import pack
from tests.handler.asking import Worker
from tests.networks import write_other_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("arch", "runtime"),
    [("timm/test_efficientnet", "openvino-fp32"), ("mobilenet_v3_small", "torch-fp32")],
)
def test_another_network_is_packed_and_verified(arch: str, runtime: str, tmp_path: Path) -> None:
    write_other_model(tmp_path / "model", arch)
    verified = verify(pack(tmp_path / "model", tmp_path / "store", runtime))
    assert verified.runtime == runtime
    assert verified.difference < 1e-4


def test_only_transformers_attend(tmp_path: Path) -> None:
    tiny = Preprocessing(resize=32, crop=32)
    for arch, attends in (("timm/vit_tiny_patch16_224", True), ("timm/test_efficientnet", False)):
        folder = tmp_path / arch.removeprefix("timm/")
        write_other_model(folder, arch, tiny)
        model = convert(read_source(folder))
        assert has_attention(model) is attends
        compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        logits, features = (output.get_names() for output in compiled.outputs)
        assert "logits" in logits
        assert "features" in features


def test_a_network_that_openvino_does_not_know_is_refused_in_a_line(tmp_path: Path) -> None:
    preprocessing = Preprocessing(resize=64, crop=64)
    write_other_model(tmp_path / "model", "timm/test_vit", preprocessing)
    with pytest.raises(BuildError, match=r"timm/test_vit cannot be converted.*RUNTIME=torch-fp32"):
        build(read_source(tmp_path / "model"), "openvino-fp32", None, tmp_path / "built")
    # OpenVINO's converter lets through nothing but errors, and would leave it at that.
    assert logging.getLogger().isEnabledFor(logging.WARNING)


def test_a_network_without_an_exact_map_says_so(tmp_path: Path) -> None:
    write_other_model(tmp_path / "model", "mobilenet_v3_small")
    build(read_source(tmp_path / "model"), "torch-fp32", None, tmp_path / "built")
    worker = Worker(tmp_path / "built")
    picture = draw_png(REFERENCE_NAMES[0])
    expected = read_reference(tmp_path / "model" / "reference.json")[REFERENCE_NAMES[0]]
    answer = worker.ask_one({"body": picture}).json
    best = sorted(expected, reverse=True)[: len(answer)]
    np.testing.assert_allclose(list(answer.values()), best, atol=1e-5)
    for accept in ("application/json", "image/png"):
        refused = worker.ask_one({"body": picture}, explain="True", Accept=accept)
        assert refused.status == 422
        assert refused.json["type"] == "NotExplained"
        assert "found mobilenet_v3_small, which has no such layers" in refused.json["message"]
