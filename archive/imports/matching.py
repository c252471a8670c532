"""Finds the network that a state dict belongs to, by its given name or from names and shapes.

Networks are built without memory for their weights. What names and shapes do not show, such as the
kind of padding, is tried out: if two networks have the same tensors but give different answers, the
user is informed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from archive.errors import ModelImportError
from archive.imports.signature import Shapes, build_on_meta, find, nearest_names, shapes_of
from classifier.architectures import check_architecture
from classifier.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

_CLASSES = 1013  # not a layer width in use, so it marks the number of classes
_DIFFERENCES = 3  # shown for a mismatch
_RELATED = 0.3  # least share of its tensors that the nearest network must have


@dataclass(frozen=True)
class Match:
    """A state dict and its network.

    Attributes:
        arch: The network's name; see `classifier.architectures`.
        num_classes: Number of outputs of its head.
        state: The tensors, by the network's own names.
        others: Other networks with the same tensors.
        notes: One sentence for each choice that was made.
    """

    arch: str
    num_classes: int
    state: dict[str, Tensor]
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def match(state: Mapping[str, Tensor], path: Path, arch: str | None = None) -> Match:
    """Find the network of a state dict, or check it against the named one.

    Raises:
        ModelImportError: It is not a network of either library, or not the named one; the message
            names the nearest network and the first differences.
        ModelError: There is no network of that name.
    """
    if arch is not None:
        return _match_named(dict(state), path, arch)
    for candidate, notes in _forms(dict(state)):
        names, num_classes = find(shapes_of(candidate))
        if names:
            return Match(names[0], num_classes, candidate, names[1:], notes)
    raise ModelImportError(f"{path}: {_describe_nearest(shapes_of(state))}")


def _match_named(state: dict[str, Tensor], path: Path, arch: str) -> Match:
    check_architecture(arch)
    expected = shapes_of(build_on_meta(arch, _CLASSES).state_dict())
    head = [name for name, shape in expected.items() if shape[:1] == (_CLASSES,)]
    for candidate, notes in _forms(state):
        found = shapes_of(candidate)
        num_classes = found.get(head[0], (0,))[0]
        wanted = _with_classes(expected, head, num_classes)
        if found == wanted:
            return Match(arch, num_classes, candidate, (), notes)
    found = shapes_of(state)
    comparison = _compare(found, _with_classes(expected, head, found.get(head[0], (0,))[0]))
    names, _ = find(found)
    fitting = f"; they are those of {' or '.join(names[:3])}: ARCH={names[0]}" if names else ""
    hint = "" if fitting else f"; {_describe_nearest(found)}"
    raise ModelImportError(
        f"{path}: not the weights of {arch}: {comparison.differences}{fitting or hint}"
    )


def _with_classes(expected: Shapes, head: list[str], num_classes: int) -> Shapes:
    return {
        name: (num_classes, *shape[1:]) if name in head else shape
        for name, shape in expected.items()
    }


def _forms(state: dict[str, Tensor]) -> list[tuple[dict[str, Tensor], tuple[str, ...]]]:
    """Return a state dict as it is, and with its head taken out of an `nn.Sequential`.

    Many tutorials write `net.fc = nn.Sequential(nn.Dropout(), nn.Linear(512, 5))`.
    """
    forms: list[tuple[dict[str, Tensor], tuple[str, ...]]] = [(state, ())]
    last = next(reversed(state), "")
    wrapped = re.fullmatch(r"(.+)\.(\d+)\.(weight|bias)", last)
    if wrapped:
        outer, index = wrapped[1], wrapped[2]
        inside = {name for name in state if name.startswith(f"{outer}.")}
        linear = {f"{outer}.{index}.weight", f"{outer}.{index}.bias"} & state.keys()
        if inside == linear:
            freed = {
                f"{outer}.{name.rpartition('.')[2]}" if name in linear else name: tensor
                for name, tensor in state.items()
            }
            note = (
                f"the head {outer}.{index} is used as {outer}: whatever else is in its "
                "nn.Sequential must change nothing in evaluation, as dropout does not"
            )
            forms.append((freed, (note,)))
    return forms


class _Comparison(NamedTuple):
    """The share of shapes that two sets have in common, and the first differences in words."""

    share: float
    differences: str


def _compare(found: Shapes, expected: Shapes) -> _Comparison:
    common = sum(found.get(name) == shape for name, shape in expected.items())
    differences = [
        *(
            f"{name} is {list(found[name])}, expected {list(shape)}"
            for name, shape in expected.items()
            if name in found and found[name] != shape
        ),
        *(f"{name} is missing" for name in expected if name not in found),
        *(f"{name} is not in the network" for name in found if name not in expected),
    ]
    more = len(differences) - _DIFFERENCES
    told = "; ".join(differences[:_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")
    return _Comparison(common / max(len(found), len(expected), 1), told)


def _describe_nearest(found: Shapes) -> str:
    """Describe the nearest network to a state dict, and how they differ."""
    best, nearest = _Comparison(0.0, ""), ""
    for name in nearest_names(found):
        try:
            expected = shapes_of(build_on_meta(name, _CLASSES).state_dict())
        except ModelError:
            continue
        head = [key for key, shape in expected.items() if shape[:1] == (_CLASSES,)]
        num_classes = next((found[key][0] for key in head if found.get(key)), _CLASSES)
        comparison = _compare(found, _with_classes(expected, head, num_classes))
        if comparison.share > best.share:
            best, nearest = comparison, name
    if best.share < _RELATED:
        return (
            f"its {len(found)} tensors ({', '.join(list(found)[:_DIFFERENCES])}, ...) match no "
            "network of torchvision's or timm's"
        )
    return f"the nearest network is {nearest} ({best.share:.0%} of the tensors): {best.differences}"
