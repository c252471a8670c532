"""Reads the tensors of a TorchScript file without running its code.

PyTorch's own reader builds the module and runs its code, and has no `weights_only`. The file's
pickle refers only to modules, containers and tensors; any other name is refused here.
"""

from __future__ import annotations

import collections
import pickle
import zipfile
from typing import IO, TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive: it has constants beside its data."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as members:
        return any(name.endswith("/constants.pkl") for name in members.namelist())


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """Read the state dict.

    Raises:
        pickle.UnpicklingError: The pickle refers to something other than modules and tensors.
        Exception: The file is damaged; many unrelated types.
    """
    with zipfile.ZipFile(path) as members:
        name = next(name for name in members.namelist() if name.endswith("/data.pkl"))
        root = name.removesuffix("data.pkl")
        with members.open(name) as file:
            module = _Reader(file, members, f"{root}data/").load()
    return dict(_tensors(module, ""))


class _Module:
    """A placeholder for any module: its attributes, none of its code."""

    def __setstate__(self, state: Any) -> None:
        self.held = state


class _Reader(pickle.Unpickler):
    """Unpickles tensors and placeholders for modules, and refuses everything else."""

    def __init__(self, file: IO[bytes], members: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._members, self._folder = members, folder

    def find_class(self, module: str, name: str) -> Any:
        """Return the object for a name in the pickle."""
        if module.startswith("__torch__"):
            return _Module
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch.jit._pickle":  # typed lists and the like, which contain no weights
            return _nothing
        raise pickle.UnpicklingError(f"Unsupported global: GLOBAL {module}.{name}")

    def persistent_load(self, reference: Any) -> Tensor:
        """Read a storage as a one-dimensional tensor."""
        _, dtype, key, *_ = reference
        content = bytearray(self._members.read(f"{self._folder}{key}"))
        if not content:
            return torch.empty(0, dtype=dtype)
        return torch.frombuffer(content, dtype=dtype)


def _rebuild(
    storage: Tensor, offset: int, size: Sequence[int], stride: Sequence[int], *_: Any
) -> Tensor:
    return storage.as_strided(size, stride, offset)  # which checks that it stays inside


def _nothing(*_: Any) -> None:
    return None


def _tensors(module: Any, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a module and its submodules, by their names in a state dict."""
    held = getattr(module, "held", None)
    for name, value in held.items() if isinstance(held, dict) else ():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value
        elif isinstance(value, _Module):
            yield from _tensors(value, f"{prefix}{name}.")
