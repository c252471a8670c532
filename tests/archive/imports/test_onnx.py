"""ONNX files: imported, packed and served they answer as PyTorch does, or end in one clear line."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
import pytest
import torch

import archive.__main__ as archive_command
import archive.modelarts.__main__ as modelarts_command
from archive.build import build
from archive.errors import BuildError
from archive.imports.onnx_file import read_onnx
from archive.imports.preprocessing import ONNX_NORMALISATIONS, alternatives
from archive.sizes import sizes_of
from archive.source import read_source
from archive.verify import verify
from classifier.answers import softmax
from classifier.description import Preprocessing
from classifier.errors import ModelError
from classifier.onnx_graph import compile_exactly, read_graph, to_logits
from tests.archive.imports.owners import (
    CLASS_NAMES,
    SIZE,
    SMALL,
    answers_of,
    expected_answers,
    val_photos,
)
from tests.archive.packing import MODEL_CONFIG, pack
from tests.handler.asking import Worker
from tests.onnx_files import UINT8, Port, field, model, node, resnet18, tensor
from tests.s3 import FOREIGN
from train.data.data_set import read_evaluation_pixels
from train.evaluation.evaluate import evaluate_folder
from train.export import export
from train.fit.weights import trainable_model

if TYPE_CHECKING:
    from pathlib import Path

    from tests.archive.imports.owners import Owned
    from tests.s3 import S3

# In Ultralytics's form: a Python dictionary.
NAMES = str(dict(enumerate(CLASS_NAMES)))
IMAGES = Port("x", ("N", 3, 8, 8))


def write(folder: Path, data: bytes, names: str | None = "\n".join(CLASS_NAMES)) -> Path:
    """Write an ONNX file with the names of its classes beside it."""
    folder.mkdir(exist_ok=True)
    path = folder / "flowers.onnx"
    path.write_bytes(data)
    if names is not None:
        (folder / "labels.txt").write_text(names)
    return path


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ({}, SIZE),  # any size, logits: PyTorch's exporter with dynamic axes
        ({"size": 64, "batch": 1}, SIZE),  # its defaults
        ({"size": 64, "nhwc": True, "end": "Softmax"}, SIZE),  # tf2onnx, of a Keras classifier
        ({"size": 64, "end": "LogSoftmax"}, SIZE),
        ({"size": 64, "also": True}, SIZE),  # features [N, 512] come first
        ({"size": 64, "kind": UINT8, "nhwc": True}, SIZE),
    ],
)
def test_each_form_answers_as_pytorch_does(
    form: Any, options: Any, owned: Owned, tmp_path: Path, imports: Any
) -> None:
    path = write(tmp_path / "owner", resnet18(owned.network, **form))
    outcome = imports(path, *options)
    assert outcome.code == 0, outcome.log
    expected = expected_answers(owned)
    assert expected.max() > 0.5
    np.testing.assert_allclose(answers_of(tmp_path / "model", owned), expected, atol=1e-3)
    source = read_source(tmp_path / "model")
    assert source.description.arch == "onnx"
    assert source.weights.read_bytes() == path.read_bytes()


def test_a_file_with_photos_is_checked_packed_verified_and_served(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    """From Keras: pictures in [N, H, W, 3], and a softmax at the end."""
    data = resnet18(owned.network, 64, nhwc=True, end="Softmax")
    outcome = imports(write(tmp_path / "owner", data), "--data-url", owned.photos, *SIZE)
    assert outcome.code == 0, outcome.log
    for said in (
        "weights: flowers.onnx, which OpenVINO alone serves, without heat maps",
        "network: an ONNX graph for NHWC pictures of 64 px",
        "network: it ends in a softmax, which is applied once",
        "ASSUMED, as the file does not say",
        "accuracy 100.0 % (90.4 % to 100.0 %) on 36 photos",
        "class means: none, as nothing is known of an ONNX graph's layers",
    ):
        assert said in outcome.log
    folder = tmp_path / "model"
    assert read_source(folder).description.similarity_below is None
    evaluation = evaluate_folder(folder, owned.photos)
    assert evaluation.splits["val"].metrics.accuracy == 1.0

    verified = verify(pack(folder, tmp_path / "store", "openvino-fp32"))
    assert verified.difference < 1e-4
    worker = Worker(tmp_path / "store/build")
    for photo, expected in zip(val_photos(owned)[::9], expected_answers(owned)[::9], strict=True):
        answer = worker.ask_one({"body": photo.read_bytes()}).json
        best = dict(zip(CLASS_NAMES, expected, strict=True))
        assert all(abs(best[name] - value) < 1e-3 for name, value in answer.items())
    refused = worker.ask_one({"body": val_photos(owned)[0].read_bytes()}, explain="True")
    assert refused.status == 422
    assert "found an ONNX graph, of whose layers nothing is known" in refused.json["message"]


def test_int8_passes_the_gate_as_for_other_networks(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    path = write(tmp_path / "owner", resnet18(owned.network, 64))
    assert imports(path, "--data-url", owned.photos, *SIZE).code == 0
    source = read_source(tmp_path / "model")
    choice = build(source, "openvino-int8", owned.photos, tmp_path / "built")
    assert choice.runtime in {"openvino-int8", "openvino-bf16"}  # whichever passes; measured
    assert choice.accuracy["fp32_accuracy"] == 1.0
    without = build(source, "openvino-int8", None, tmp_path / "without")
    assert (without.runtime, without.accuracy) == ("openvino-fp32", {})


def test_weights_in_a_file_beside_it_are_taken_in(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    content = bytearray()
    beside = ("flowers.onnx.data", content)
    data = resnet18(owned.network, 64, outside={"fc.weight": beside, "conv1.weight": beside})
    path = write(tmp_path / "owner", data)
    place = path.with_name("flowers.onnx.data")
    assert "flowers.onnx.data, which is missing: put it beside it, or export" in (
        imports(path, *SIZE).error
    )
    place.write_bytes(content[:-4])
    assert "flowers.onnx.data: is cut off, or not the weights of flowers.onnx" in (
        imports(path, *SIZE).error
    )
    place.write_bytes(content)
    assert imports(tmp_path / "owner", *SIZE).code == 0
    place.unlink()
    answers = answers_of(tmp_path / "model", owned)
    np.testing.assert_allclose(answers, expected_answers(owned), atol=1e-3)


def test_weights_beside_it_come_from_a_bucket_too(
    owned: Owned, s3: S3, tmp_path: Path, imports: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if FOREIGN.fullmatch(name)]:
        monkeypatch.delenv(name)
    for name, value in s3.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    content = bytearray()
    data = resnet18(owned.network, 64, outside={"fc.weight": ("flowers.onnx.data", content)})
    write(tmp_path / "owner", data).with_name("flowers.onnx.data").write_bytes(content)
    s3.make_bucket("elsewhere")
    s3.put_folder("elsewhere", "net", tmp_path / "owner")
    for url in ("obs://elsewhere/net", "obs://elsewhere/net/flowers.onnx"):
        outcome = imports(url, *SIZE, "--replace")
        assert outcome.code == 0, outcome.log
    np.testing.assert_allclose(
        answers_of(tmp_path / "model", owned), expected_answers(owned), atol=1e-3
    )


def test_names_in_the_metadata_are_used_and_said(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    metadata = {"names": NAMES, "task": "classify", "imgsz": "[64, 64]"}
    data = resnet18(owned.network, 64, metadata=metadata)
    outcome = imports(write(tmp_path / "owner", data, None))
    assert outcome.code == 0, outcome.log
    assert "classes: 3, from the metadata of the ONNX file: tulips, daisy, roses" in outcome.log
    assert "short side to 64 px (bilinear), centre 64 px, mean 0 0 0, std 1 1 1 (Ultralytics's" in (
        outcome.log
    )
    assert read_source(tmp_path / "model").class_names == CLASS_NAMES
    error = imports(write(tmp_path / "owner", data, "roses\ndaisy\ntulips"), "--replace").error
    assert "labels.txt and the metadata of the ONNX file differ in their class names" in error


@pytest.mark.parametrize(
    ("noted", "size"), [("[4, 4]", 4), ("(4, 4)", 4), ("4", 4), ("[4, 8]", 224), (None, 224)]
)
def test_a_graph_for_any_size_has_the_one_that_its_metadata_note(
    noted: str | None, size: int
) -> None:
    images = Port("x", ("N", 3, "H", "W"))
    data = small(images=images, metadata={"imgsz": noted} if noted else {})
    assert read_graph(data, "open").size == size
    assert read_graph(data, "open", 6).size == 6


def test_what_was_exported_here_comes_back_as_it_was(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    assert imports(owned.folder, *SIZE).code == 0
    export(tmp_path / "model", tmp_path / "flowers.onnx")
    expected = answers_of(tmp_path / "model", owned)
    outcome = imports(tmp_path / "flowers.onnx", "--replace")
    assert outcome.code == 0, outcome.log
    assert "classes: 3, from the metadata of the ONNX file: tulips, daisy, roses" in outcome.log
    source = read_source(tmp_path / "model")
    chosen = source.description.preprocessing
    assert (chosen.resize, chosen.crop) == (SMALL.resize, SMALL.crop)
    np.testing.assert_allclose(answers_of(tmp_path / "model", owned), expected, atol=1e-3)


def test_windows_mls_metadata_say_how_the_input_is_made(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    metadata = {
        "Image.BitmapPixelFormat": "Bgr8",
        "Image.NominalPixelRange": "NominalRange_0_255",
    }
    path = write(tmp_path / "owner", resnet18(owned.network, 64, metadata=metadata))
    assert "as its metadata say" in imports(path).log
    byte = (1 / 255,) * 3
    assert read_source(tmp_path / "model").description.preprocessing == Preprocessing(
        64, 64, (0.0,) * 3, byte, squash=True, interpolation="bicubic", bgr=True
    )
    # As its own example does: the pixels as they are, in reverse.
    squashed = Preprocessing(64, 64, squash=True, interpolation="bicubic")
    pixels = [read_evaluation_pixels(photo, squashed) for photo in val_photos(owned)]
    images = torch.from_numpy(np.stack(pixels)[..., ::-1].copy()).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        expected = softmax(owned.network(images).numpy())
    np.testing.assert_allclose(answers_of(tmp_path / "model", owned), expected, atol=1e-3)
    verified = verify(pack(tmp_path / "model", tmp_path / "store", "openvino-fp32"))
    assert verified.difference < 1e-3


def test_another_normalisation_is_found_out(owned: Owned, tmp_path: Path, imports: Any) -> None:
    """Bytes, B before R, less ImageNet's means: as Keras feeds its ResNet50 and VGG16."""
    network = copy.deepcopy(owned.network)
    first: Any = network.get_submodule("conv1")
    with torch.no_grad():
        first.weight /= 255 * torch.tensor(SMALL.std).view(1, 3, 1, 1)
        first.weight.copy_(first.weight.flip(1))
    path = write(tmp_path / "owner", resnet18(network, 64))
    error = imports(path, "--data-url", owned.photos, *SIZE).error
    found = re.search(r'are right, but 100\.0 % with .* Say ARGS="(.*)", or go on', error)
    assert found, error
    options = ("--mean", "0.48502,0.457957,0.407604", "--std", ",".join(["0.00392157"] * 3))
    # These drawings are told apart in either order of the channels.
    assert found[1].removesuffix(" --bgr").split() == [*options]
    outcome = imports(path, "--data-url", owned.photos, *SIZE, *options, "--bgr")
    assert "accuracy 100.0 %" in outcome.out
    expected = expected_answers(owned)
    np.testing.assert_allclose(answers_of(tmp_path / "model", owned), expected, atol=0.02)


def test_all_usual_ways_are_tried() -> None:
    ways = [way for _, way in alternatives(SMALL, ONNX_NORMALISATIONS, either_order=True)]
    assert len(ways) == len(set(ways)) == 11
    assert dataclasses.replace(SMALL, bgr=True) in ways
    for mean, std in ONNX_NORMALISATIONS[1:]:
        for bgr in (False, True):
            assert dataclasses.replace(SMALL, mean=mean, std=std, bgr=bgr) in ways


def small(*outputs: Port, kind: str = "MatMul", domain: str = "", **changed: Any) -> bytes:
    """Encode a tiny classifier of four classes."""
    images = changed.pop("images", IMAGES)
    shape = (images.shape[1], 4)
    assert isinstance(shape[0], int)
    weights = [tensor("w", np.linspace(-1, 1, 4 * shape[0], dtype=np.float32).reshape(shape))]
    nodes = [
        node("GlobalAveragePool", ["x"], "p"),
        node("Flatten", ["p"], "f"),
        node(kind, ["f", "w"], "y", domain),
    ]
    nodes += changed.pop("more", [])
    weights += changed.pop("constants", [])
    return model(nodes, weights, images, outputs or (Port("y", ("N", 4)),), **changed)


HUGE = tensor("huge", np.array([10**6, 10**6]))
OUTSIDE = {"location": "../secret.data"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected one input, the pictures; found none"),
        (b"<!DOCTYPE html>", "damaged, or no ONNX file"),
        (small()[:-40], "damaged, or no ONNX file"),
        (small(kind="Fancy"), "No conversion rule found for operations: Fancy-13"),
        (small(kind="Mine", domain="my.ops"), "for operations: my.ops.Mine"),
        (small(images=Port("x", ("N", 1, 8, 8))), "expected RGB pictures as input"),
        (small(images=Port("x", ("N", 3, 8, 6))), "expected square pictures of at most 1024 px"),
        (small(images=Port("x", ("N", 3, 9999, 9999))), "square pictures of at most 1024 px"),
        (
            small(Port("s", ("N", 4)), more=[node("Sigmoid", ["y"], "s")]),
            "ends in a sigmoid, so that several classes may apply",
        ),
        (
            small(Port("r", (1, 1)), more=[node("ReduceMean", ["y"], "r", axes=[1], keepdims=1)]),
            "has one score for each picture",
        ),
        (
            small(
                Port("r", (1, 4)),
                images=Port("x", (1, 3, 8, 8)),
                more=[node("Gather", ["y", "first"], "r", axis=0)],
                constants=[tensor("first", np.array([0]))],
            ),
            "takes one picture at a time, for its batch is built in",
        ),
        (
            small(  # the batch is not first, as in torchvision's vision transformers
                Port("r", (1, 4)),
                images=Port("x", (1, 3, 8, 8)),
                more=[
                    node("Transpose", ["y"], "t", perm=[1, 0]),
                    node("Reshape", ["t", "fixed"], "r"),
                ],
                constants=[tensor("fixed", np.array([1, 4]))],
            ),
            "cannot take several pictures of 8 px at a time: ",
        ),
        (
            small(
                Port("d", ("N", 4)),
                more=[
                    node("ReduceMean", ["y"], "m", axes=[0], keepdims=1),
                    node("Sub", ["y", "m"], "d"),
                ],
            ),
            "answers two pictures otherwise than each of them alone",
        ),
        (
            small(
                Port("z", ("N", 4)),
                more=[
                    node("ConstantOfShape", ["huge"], "c"),
                    node("ReduceSum", ["c"], "s", keepdims=0),
                    node("Add", ["y", "s"], "z"),
                ],
                constants=[HUGE],
            ),
            "makes an array of [1000000,1000000], too large for any picture",
        ),
        (
            small(
                Port("q", ("N", 4)),
                more=[
                    node("QuantizeLinear", ["y", "scale"], "i"),
                    node("DequantizeLinear", ["i", "scale"], "q"),
                ],
                constants=[tensor("scale", np.array(0.1, np.float32))],
            ),
            "is quantised already (QuantizeLinear)",
        ),
        (small(metadata={"task": "detect"}), "made for the task 'detect'"),
        (
            small(constants=[tensor("v", np.zeros(3, np.float32), OUTSIDE)]),
            "keeps weights in '../secret.data', which is not beside it",
        ),
    ],
)
def test_what_cannot_be_served_ends_in_one_line(
    data: bytes, message: str, tmp_path: Path, imports: Any
) -> None:
    path = write(tmp_path / "owner", data, "a\nb\nc\nd")
    error = imports(path).error
    assert str(path) in error
    assert message in error
    assert not (tmp_path / "model").exists()


def with_token(first: int) -> bytes:
    """Encode a graph that has one picture as its batch, as PyTorch and tf2onnx write it.

    A transformer's class token is joined to the pixels; the reshapes begin with `first`.
    """
    random = np.random.default_rng(0)
    shapes = {"w": (3, 4), "token": (1, 1, 3)}
    weights = [
        tensor(name, random.standard_normal(shape).astype(np.float32))
        for name, shape in shapes.items()
    ]
    weights += [tensor("flat", np.array([first, 3, -1])), tensor("rows", np.array([first, 3]))]
    nodes = [
        node("Reshape", ["x", "flat"], "f"),
        node("Transpose", ["f"], "p", perm=[0, 2, 1]),
        node("Concat", ["token", "p"], "c", axis=1),
        node("ReduceMean", ["c"], "m", axes=[1], keepdims=1),
        node("Reshape", ["m", "rows"], "r"),
        node("MatMul", ["r", "w"], "y"),
    ]
    return model(nodes, weights, Port("x", (1, 3, 8, 8)), [Port("y", (1, 4))])


@pytest.mark.parametrize("first", [1, 0])
def test_a_batch_of_one_that_is_built_in_is_opened(first: int, tmp_path: Path) -> None:
    path = write(tmp_path / "owner", with_token(first))
    images = np.random.default_rng(1).random((3, 3, 8, 8), dtype=np.float32)
    as_it_is = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    alone = np.concatenate([as_it_is([image[np.newaxis]])[0] for image in images])
    opened, end = to_logits(read_graph(read_onnx(path), "built in"), 4)
    assert end == "scores"
    np.testing.assert_allclose(compile_exactly(opened)([images])[0], alone, atol=1e-5)


def test_detectors_are_told_what_a_classifier_is(tmp_path: Path, imports: Any) -> None:
    boxes = small(
        Port("b", ("N", 2, 2)),
        more=[node("Reshape", ["y", "to"], "b")],
        constants=[tensor("to", np.array([-1, 2, 2]))],
    )
    error = imports(write(tmp_path / "owner", boxes, "a\nb\nc\nd")).error
    assert "no classifier, whose output is [N, classes]; found [?,2,2]: detectors and" in error


def test_options_that_contradict_the_graph_end_in_one_line(
    owned: Owned, tmp_path: Path, imports: Any
) -> None:
    path = write(tmp_path / "owner", resnet18(owned.network, 64))
    assert "takes pictures of 64 px and no others, not of 96 px" in (
        imports(path, "--crop", 96).error
    )
    assert "leave out ARCH= and --key" in imports(path, "--arch", "resnet18").error
    (tmp_path / "two.txt").write_text("daisy\nroses")
    assert "has 2 class names, the network's head has 3 outputs" in (
        imports(path, "--labels", tmp_path / "two.txt").error
    )
    path = write(tmp_path / "owner", resnet18(owned.network, 64, kind=UINT8))
    assert "takes bytes, 0..255, and normalises them itself: leave out --mean" in (
        imports(path, "--mean", "0.5,0.5,0.5").error
    )
    assert "--bgr is for ONNX files" in imports(owned.folder, "--bgr", *SIZE).error


def test_what_is_not_for_a_graph_is_refused_in_one_line(
    owned: Owned, tmp_path: Path, imports: Any, capsys: Any, caplog: Any
) -> None:
    assert imports(write(tmp_path / "owner", resnet18(owned.network, 64)), *SIZE).code == 0
    folder = tmp_path / "model"
    source = read_source(folder)
    with pytest.raises(BuildError, match="an ONNX graph, which PyTorch cannot run: serve it with"):
        build(source, "torch-fp32", None, tmp_path / "built")
    for size in ("96", "auto"):
        with pytest.raises(BuildError, match=f"SIZE={size}: .* which keeps its 64 px"):
            sizes_of(source, size)
    assert sizes_of(source, "") == sizes_of(source, "64") == [64]
    with pytest.raises(ModelError, match="can be neither trained further nor a teacher"):
        trainable_model(folder, 64)
    assert modelarts_command.main(["--model", str(folder), "--output", str(tmp_path / "to")]) == 1
    assert "ModelArts' PyTorch cannot run it" in capsys.readouterr().err + caplog.text
    command = ["build", "--model", str(folder), "--runtime", "torch-bf16"]
    where = ["--output", str(tmp_path / "built"), "--model-config", str(MODEL_CONFIG)]
    assert archive_command.main([*command, *where]) == 1
    (folder / "model.onnx").write_bytes(b"another")
    with pytest.raises(ModelError, match="describes another file"):
        read_source(folder)


def test_a_softmax_that_is_written_out_is_undone_too(tmp_path: Path) -> None:
    """Exp, ReduceSum, Div: found from the scores of noise."""
    data = small(
        Port("s", ("N", 4)),
        more=[
            node("Exp", ["y"], "e"),
            node("ReduceSum", ["e", "axes"], "t", keepdims=1),
            node("Div", ["e", "t"], "s"),
        ],
        constants=[tensor("axes", np.array([1]))],
    )
    path = write(tmp_path / "owner", data)
    written, end = to_logits(read_graph(read_onnx(path), "written out"), 4)
    plain, scores = to_logits(read_graph(small(), "plain"), 4)
    assert (end, scores) == ("probabilities", "scores")
    images = np.random.default_rng(0).random((3, 3, 8, 8), dtype=np.float32)
    outputs = [compile_exactly(made)([images])[0] for made in (written, plain)]
    np.testing.assert_allclose(softmax(outputs[0]), softmax(outputs[1]), atol=1e-5)


def test_unknown_fields_of_the_file_survive(tmp_path: Path) -> None:
    content = np.arange(3, dtype=np.float32)
    data = small(constants=[tensor("v", content, {"location": "w.data"})], metadata={"a": "b"})
    path = write(tmp_path / "owner", data + field(2, "an exporter"))
    path.with_name("w.data").write_bytes(content.tobytes())
    whole = read_onnx(path)
    assert b"an exporter" in whole
    assert content.tobytes() in whole
    assert b"w.data" not in whole
    assert read_graph(whole, "whole").metadata == {"a": "b"}


def test_the_description_is_read_back(tmp_path: Path, owned: Owned, imports: Any) -> None:
    assert imports(write(tmp_path / "owner", resnet18(owned.network)), *SIZE, "--bgr").code == 0
    described = json.loads((tmp_path / "model/model.json").read_text(encoding="utf-8"))
    assert described["weights_file"] == "model.onnx"
    assert described["preprocessing"]["bgr"] is True
    assert described["val_accuracy"] is None
