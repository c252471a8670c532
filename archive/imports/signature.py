"""Identifies networks in weights files by names and shapes, whatever the number of classes.

`networks.json` lists the signatures of all classifiers in torchvision and timm, so a network is
found without building a thousand of them. `python -m archive.imports.signature` regenerates it when
either library changes; a test builds some networks and compares.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode
from tqdm import tqdm

from classifier.anatomy import SIZE
from classifier.architectures import TIMM, build_module, default_preprocessing
from classifier.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor, nn

TABLE = Path(__file__).with_name("networks.json")
_CLASSES = 1013  # a prime that is no layer's width, so it marks the number of classes
_NEAREST = 12  # networks to compare tensor by tensor
_UNTOLD = "num_batches_tracked"  # missing from old versions' files, and not used for inference
# Functions that fill tensors and would need memory; others, such as arithmetic on widths, run.
_FILLING = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full)

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Entry:
    """The networks of one signature.

    Attributes:
        names: See `classifier.architectures`; torchvision's first.
        tensors: Number of tensors.
        parameters: Number of parameters, without the head.
    """

    names: tuple[str, ...]
    tensors: int
    parameters: int


class OnMeta(TorchFunctionMode):
    """Creates new tensors without memory, but lets small arithmetic run."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call a PyTorch function, on the meta device if it creates a tensor."""
        kwargs = kwargs or {}
        if func in _FILLING and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def shapes_of(state: Mapping[str, Tensor]) -> Shapes:
    """Return the shapes of a state dict's tensors by name, without those that old files lack."""
    return {
        name: tuple(tensor.shape) for name, tensor in state.items() if not name.endswith(_UNTOLD)
    }


def digest(shapes: Shapes, head: Sequence[str]) -> str:
    """Hash names and shapes, leaving out the first dimension of the head's tensors."""
    lines = [
        f"{name} {('C', *shape[1:]) if name in head else shape}\n"
        for name, shape in sorted(shapes.items())
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:20]


@functools.cache
def read_table() -> dict[tuple[str, ...], dict[str, Entry]]:
    """Read `networks.json`: by the names of the head's tensors, the networks by signature."""
    content = json.loads(TABLE.read_text(encoding="utf-8"))
    return {
        tuple(head.split()): {
            key: Entry(tuple(names), tensors, parameters)
            for key, (tensors, parameters, *names) in entries.items()
        }
        for head, entries in content["networks"].items()
    }


def find(shapes: Shapes) -> tuple[tuple[str, ...], int]:
    """Return the names of the networks with these shapes, and the number of classes.

    If none is found: `()` and 0.
    """
    for head, entries in read_table().items():
        if all(name in shapes and shapes[name] for name in head):
            entry = entries.get(digest(shapes, head))
            if entry:
                return entry.names, shapes[head[0]][0]
    return (), 0


def nearest_names(shapes: Shapes) -> list[str]:
    """Return the networks nearest in the numbers of tensors and parameters."""
    sizes = [math.prod(shape) for shape in shapes.values()]
    # The head, which comes last, depends on the number of classes.
    tensors, parameters = len(sizes), sum(sizes[:-2])

    def distance(entry: Entry) -> float:
        of_parameters = math.log((entry.parameters + 1) / (parameters + 1))
        return abs(of_parameters) + abs(math.log(entry.tensors / tensors))

    entries = [entry for group in read_table().values() for entry in group.values()]
    return [entry.names[0] for entry in sorted(entries, key=distance)[:_NEAREST]]


def build_on_meta(arch: str, num_classes: int) -> nn.Module:
    """Build a network without memory for its weights, for its default input size.

    Raises:
        ModelError: There is no network of that name.
    """
    try:
        size = default_preprocessing(arch).crop
    except ModelError:  # its input is not square
        size = SIZE
    with OnMeta():
        return build_module(arch, num_classes, size)


def main() -> int:
    """Write the table; this takes several minutes."""
    import timm  # noqa: PLC0415  not needed to find a network
    import torchvision  # noqa: PLC0415

    networks: dict[str, dict[str, list[Any]]] = {}
    warnings.simplefilter("ignore")
    torchvisions = torchvision.models.list_models(module=torchvision.models)
    timms = [TIMM + name if name in torchvisions else name for name in timm.list_models()]
    for arch in tqdm([*torchvisions, *timms]):
        try:
            shapes = shapes_of(build_on_meta(arch, _CLASSES).state_dict())
        except ModelError:
            continue
        head = [key for key, shape in shapes.items() if shape[:1] == (_CLASSES,)]
        if not head:
            continue  # not a classifier
        rest = sum(math.prod(shape) for key, shape in shapes.items() if key not in head)
        entries = networks.setdefault(" ".join(head), {})
        entries.setdefault(digest(shapes, head), [len(shapes), rest]).append(arch)
    versions = {"timm": timm.__version__, "torchvision": torchvision.__version__.partition("+")[0]}
    TABLE.write_text(_format(versions, networks), encoding="utf-8")
    return 0


def _format(versions: dict[str, str], networks: dict[str, dict[str, list[Any]]]) -> str:
    """Return the table as JSON, one signature per line."""
    groups = []
    for head, entries in networks.items():
        lines = [f'  "{key}": {json.dumps(entry)}' for key, entry in entries.items()]
        groups.append(f'"{head}": {{\n' + ",\n".join(lines) + "\n}")
    inside = ",\n".join(groups)
    return f'{{"libraries": {json.dumps(versions)},\n"networks": {{\n{inside}\n}}}}\n'


if __name__ == "__main__":
    sys.exit(main())
