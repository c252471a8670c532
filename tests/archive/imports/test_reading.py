"""Every file format that weights come in, and those that are refused."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from archive.errors import ModelImportError
from archive.imports.reading import read_file
from archive.imports.unwrapping import Unwrapped, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    """The state dict of a small network, a batch norm's counter included."""
    torch.manual_seed(0)
    return dict(tiny().state_dict())


def tiny() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3))


def read(path: Path, key: str | None = None) -> Unwrapped:
    return unwrap(read_file(path), path, key)


def assert_same(unwrapped: Unwrapped, state: State) -> None:
    assert unwrapped.state.keys() == state.keys()
    assert all(torch.equal(unwrapped.state[name], tensor) for name, tensor in state.items())


def save_script(state: State, path: Path) -> None:
    network = tiny()
    network.load_state_dict(state)
    with warnings.catch_warnings(action="ignore"):
        torch.jit.script(network.eval()).save(str(path))  # type: ignore[no-untyped-call]


def save_old(state: State, path: Path) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)


FORMS: dict[str, Callable[[State, Path], Any]] = {
    "zip": torch.save,
    "before zip files": save_old,
    "safetensors": save_file,
    "TorchScript": save_script,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_known_whatever_its_name(form: str, state: State, tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    FORMS[form](state, path)
    assert_same(read(path), state)


def test_half_precision_becomes_float32(state: State, tmp_path: Path) -> None:
    half = {name: v.half() if v.is_floating_point() else v for name, v in state.items()}
    torch.save(half, tmp_path / "half.pth")
    unwrapped = read(tmp_path / "half.pth")
    assert_same(unwrapped, {n: v.float() if v.is_floating_point() else v for n, v in half.items()})
    assert "half precision was widened" in " ".join(unwrapped.notes)


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict", "net", "my_weights"])
def test_a_checkpoint_says_under_which_key_its_weights_were(
    key: str, state: State, tmp_path: Path
) -> None:
    optimiser = torch.optim.Adam(tiny().parameters()).state_dict()
    settings = argparse.Namespace(lr=0.1)
    checkpoint = {"epoch": 3, "optimizer": optimiser, "args": settings, key: state, "best": 0.9}
    torch.save(checkpoint, tmp_path / "checkpoint.pth.tar")
    unwrapped = read(tmp_path / "checkpoint.pth.tar")
    assert_same(unwrapped, state)
    assert f"took the weights under {key!r}" in unwrapped.notes[0]


@pytest.mark.parametrize("key", ["state_dict_ema", "model_ema", "ema"])
def test_averaged_weights_go_first_and_the_others_can_be_had(
    key: str, state: State, tmp_path: Path
) -> None:
    path = tmp_path / "last.pth"
    averaged = {f"module.{name}": 2 * tensor for name, tensor in state.items()}
    count = torch.tensor(7)
    torch.save({"model": state, key: {"n_averaged": count, **averaged}}, path)
    unwrapped = read(path)
    assert_same(unwrapped, {name: 2 * tensor for name, tensor in state.items()})
    assert unwrapped.notes[0] == (
        f"took the weights under {key!r} (averaged over the training), not those under 'model' "
        "(--key chooses)"
    )
    assert_same(read(path, "model"), state)
    with pytest.raises(ModelImportError, match=r"has no 'nothing'; it has 'model', "):
        read(path, "nothing")


@pytest.mark.parametrize(
    "prefix",
    [
        "module.",
        "_orig_mod.",
        "model.",
        "backbone.",
        "module._orig_mod.",
        "_orig_mod.module.model.",
    ],
)
def test_prefixes_are_taken_away_and_said(prefix: str, state: State, tmp_path: Path) -> None:
    wrapped = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    wrapped["criterion.weight"] = torch.ones(3)  # of a loss that is part of the module
    torch.save({"state_dict": wrapped}, tmp_path / "wrapped.ckpt")
    unwrapped = read(tmp_path / "wrapped.ckpt")
    assert_same(unwrapped, state)
    assert f"stripped the prefix {prefix!r} from the names" in unwrapped.notes
    assert "left out what is not part of the network: 'criterion.weight'" in unwrapped.notes


def test_a_head_beside_a_wrapped_backbone_stays(state: State, tmp_path: Path) -> None:
    names = list(state)
    wrapped = {name if name == names[-1] else f"backbone.{name}": state[name] for name in names}
    torch.save(wrapped, tmp_path / "wrapped.pth")
    assert_same(read(tmp_path / "wrapped.pth"), state)


@pytest.mark.parametrize("save", [torch.save, save_old])
def test_a_pickled_module_is_refused_with_the_line_for_its_owner(
    save: Callable[[Any, Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "flowers.pth"
    save(tiny(), path)
    with pytest.raises(ModelImportError, match="holds a pickled module") as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    line = message.partition("run: ")[2]
    assert line == (
        "python -c \"import torch; torch.save(torch.load('flowers.pth', map_location='cpu', "
        "weights_only=False).state_dict(), 'flowers-weights.pth')\""
    )


class Callback:
    """What some trainers keep in their checkpoints."""


def test_foreign_objects_in_a_checkpoint_are_refused_likewise(state: State, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": state, "callback": Callback()}, path)
    with pytest.raises(ModelImportError, match=r"objects besides weights \(.*Callback\)") as caught:
        read(path)
    assert "['state_dict'], 'last-weights.pth')" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no file of weights, or damaged"),
        (b"not weights", "no file of weights, or damaged"),
        (b"\x89HDF\r\n\x1a\n", "Keras"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html>", "the download failed"),
    ],
)
def test_what_is_no_file_of_weights_ends_in_one_line(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(ModelImportError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_breaks_off_ends_in_one_line(form: str, state: State, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    FORMS[form](state, path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ModelImportError) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.ones(3), "holds a Tensor"),
        ([torch.ones(3)], "holds a list"),
        ({"epoch": 3, "best": 0.9}, "no state dict in it; it has 'epoch', 'best'"),
        (
            {"a": {"x.weight": torch.ones(1), "x.bias": torch.ones(1)}}
            | {"b": {"x.weight": torch.ones(1), "x.bias": torch.ones(1)}},
            "under several keys, 'a', 'b': choose one with --key",
        ),
    ],
)
def test_a_file_without_a_clear_state_dict_is_refused(
    content: Any, message: str, tmp_path: Path
) -> None:
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(ModelImportError, match=message):
        read(tmp_path / "odd.pth")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelImportError, match=r"none\.pth: cannot be read: No such file"):
        read_file(tmp_path / "none.pth")
