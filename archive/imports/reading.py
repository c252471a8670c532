"""Reads the tensors of a weights file: PyTorch's formats old and new, TorchScript, safetensors.

The format is read from the first bytes, whatever the file's name. Code in the file never runs:
PyTorch reads with `weights_only`, so a pickled module is refused, with the command that extracts
its weights. `archive.imports.unwrapping` selects the network's tensors.
"""

from __future__ import annotations

import argparse
import importlib
import io
import pickle
import pickletools
import zipfile
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import safe_globals

from archive.errors import ModelImportError
from archive.imports.torchscript import is_torchscript, read_torchscript

if TYPE_CHECKING:
    from pathlib import Path

# The functions with which NumPy 1 and 2 unpickle scalars, which moved in between.
_MULTIARRAY = importlib.import_module("numpy._core.multiarray")
_NUMPYS = (_MULTIARRAY.scalar, _MULTIARRAY._reconstruct)  # noqa: SLF001
# What checkpoints contain besides tensors and is harmless to unpickle.
_HARMLESS = [
    argparse.Namespace,
    *(np.dtype, np.ndarray, *_NUMPYS),
    *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "u1", "?")),
]
_FRAMING = ("PROTO", "FRAME")
_OTHER_FILES = {
    b"\x89HDF": "an HDF5 file (Keras): export the network to ONNX",
    b"\x1f\x8b": "gzip data: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"<!DO": "a web page: the download failed",
    b"<htm": "a web page: the download failed",
    b"vers": "a pointer of Git LFS: get the file itself with `git lfs pull`",
}
_MODULE = (
    'python -c "import torch; torch.save(torch.load({name!r}, map_location={cpu!r}, '
    'weights_only=False).state_dict(), {weights!r})"'
)
_CHECKPOINT = (
    'python -c "import torch; torch.save(torch.load({name!r}, map_location={cpu!r}, '
    'weights_only=False)[{key!r}], {weights!r})"'
)


def read_file(path: Path) -> dict[str, Any]:
    """Read a weights file: a state dict, or a checkpoint that has one under some key.

    Raises:
        ModelImportError: It is missing, damaged, of another format, or would need to run code.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise ModelImportError(f"{path}: cannot be read: {error.strerror}") from error
    if _is_safetensors(start, path.stat().st_size):
        return _read_safetensors(path)
    for magic, remedy in _OTHER_FILES.items():
        if start.startswith(magic):
            raise ModelImportError(f"{path}: not PyTorch weights but {remedy}")
    return _read_pytorch(path)


def _is_safetensors(start: bytes, size: int) -> bool:
    length = int.from_bytes(start[:8], "little")  # of the JSON header that follows
    return start[8:9] == b"{" and length < size


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise ModelImportError(f"{path}: damaged safetensors file: {error}") from error


def _read_pytorch(path: Path) -> dict[str, Any]:
    try:
        if is_torchscript(path):
            return dict(read_torchscript(path))
        with safe_globals(_HARMLESS):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refusal(path, error) from error
    except Exception as error:  # the reader raises many unrelated types
        raise ModelImportError(
            f"{path}: no file of weights, or damaged: {_first(error)}"
        ) from error
    if isinstance(content, Tensor) or not isinstance(content, dict):
        kind = type(content).__name__
        raise ModelImportError(f"{path}: holds a {kind}; expected a state dict or a checkpoint")
    return content


def _refusal(path: Path, error: Exception) -> ModelImportError:
    """Return the error for a pickled module, with the command that extracts its weights."""
    text = str(error)
    _, found, rest = text.partition("Unsupported global: GLOBAL ")
    if not found:
        return ModelImportError(f"{path}: no file of weights, or damaged: {_first(error)}")
    what = rest.split()[0]
    template = _CHECKPOINT if _is_dictionary(path) else _MODULE
    line = template.format(
        name=path.name, cpu="cpu", key="state_dict", weights=f"{path.stem}-weights.pth"
    )
    holds = "objects besides weights" if template is _CHECKPOINT else "a pickled module"
    return ModelImportError(
        f"{path}: holds {holds} ({what}), which only code can read; next to its source, run: {line}"
    )


def _is_dictionary(path: Path) -> bool:
    """Whether the outermost object of a pickle is a dictionary."""
    try:
        with _pickle_of(path) as data:
            first = next(
                op.name for op, _, _ in pickletools.genops(data) if op.name not in _FRAMING
            )
    except (ValueError, StopIteration, KeyError):
        return False
    return first == "EMPTY_DICT"


def _pickle_of(path: Path) -> IO[bytes]:
    """Open a PyTorch file at the pickle of its contents."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as members:
            name = next(name for name in members.namelist() if name.endswith("/data.pkl"))
            return io.BytesIO(members.read(name))
    file = path.open("rb")
    for _ in range(3):  # old format: magic number, version, facts about the machine
        list(pickletools.genops(file))
    return file


def _first(error: Exception) -> str:
    """Return an error's first line, without the stack traces that PyTorch appends."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
