"""Extracts a network's state dict from a checkpoint: finds its key, strips prefixes from its names.

Every choice and omission is noted for the user; the values stay the same, as float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from archive.errors import ModelImportError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Averaged weights come first, as in timm: a training that kept them evaluated them.
_EMA_KEYS = ("state_dict_ema", "model_ema", "ema_state_dict", "ema")
_KEYS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
# From DataParallel, torch.compile, Lightning and hand-written wrappers; they may be nested.
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "net.", "network.", "_model.")
# What losses, weight averaging and profilers leave among the weights.
_LEFTOVERS = ("n_averaged", "total_ops", "total_params")
_LEFTOVER_PREFIXES = ("criterion.", "loss.", "loss_fn.", "train_acc", "val_acc", "test_acc")


@dataclass(frozen=True)
class Unwrapped:
    """A network's state dict, and what was done to get it.

    Attributes:
        state: Its tensors by name, floating-point ones as float32.
        notes: One sentence for each choice that was made.
    """

    state: dict[str, Tensor]
    notes: tuple[str, ...]


def unwrap(content: Mapping[str, Any], path: Path, key: str | None = None) -> Unwrapped:
    """Find the state dict in what a file holds.

    Args:
        content: What `archive.imports.reading` returned.
        path: The file, for messages.
        key: The state dict's key, if the user named it.

    Raises:
        ModelImportError: There is none, or several candidates.
    """
    notes: list[str] = []
    tensors = _choose(content, path, key, notes)
    state = _strip(tensors, notes)
    state = {name: _to_float32(tensor, name, path) for name, tensor in state.items()}
    if any(tensor.dtype in (torch.float16, torch.bfloat16) for tensor in tensors.values()):
        notes.append("half precision was widened to float32")
    return Unwrapped(state, tuple(notes))


def _choose(
    content: Mapping[str, Any], path: Path, key: str | None, notes: list[str]
) -> dict[str, Tensor]:
    if key is not None:
        if key not in content:
            raise ModelImportError(f"{path}: has no {key!r}; it has {_listed(content)}")
        return _tensors(content[key], f"{path}: what is under {key!r}")
    if (direct := _as_state(content)) is not None:
        return direct
    found = [name for name in content if _as_state(content[name]) is not None]
    known = [name for name in (*_EMA_KEYS, *_KEYS) if name in found]
    if not known and len(found) > 1:
        raise ModelImportError(
            f"{path}: weights are under several keys, {_listed(found)}: choose one with --key"
        )
    if not found:
        raise ModelImportError(
            f"{path}: no state dict in it; it has {_listed(content)}; save the network's "
            "state_dict()"
        )
    chosen = (known or found)[0]
    others = [name for name in found if name != chosen]
    also = f", not those under {_listed(others)} (--key chooses)" if others else ""
    averaged = " (averaged over the training)" if chosen in _EMA_KEYS else ""
    notes.append(f"took the weights under {chosen!r}{averaged}{also}")
    return _tensors(content[chosen], str(path))


def _as_state(value: Any) -> dict[str, Tensor] | None:
    """Return the tensors of a state dict; None if it is not one."""
    if isinstance(value, nn.Module) or not hasattr(value, "items"):
        return None
    items = dict(value)
    # Some files have averages and metadata as plain numbers among the tensors.
    tensors = {name: v for name, v in items.items() if isinstance(v, Tensor)}
    if len(tensors) < 2 or not all(isinstance(name, str) for name in items):  # noqa: PLR2004
        return None
    plain = [v for v in items.values() if not isinstance(v, Tensor)]
    return tensors if len(tensors) > len(plain) and _are_parameters(tensors) else None


def _are_parameters(tensors: Mapping[str, Tensor]) -> bool:
    """Distinguish a network's tensors from an optimiser's by the endings of their names."""
    return any(name.endswith((".weight", ".bias")) for name in tensors)


def _tensors(value: Any, where: str) -> dict[str, Tensor]:
    state = _as_state(value)
    if state is None:
        raise ModelImportError(f"{where} is not a state dict of tensors")
    return state


def _strip(tensors: Mapping[str, Tensor], notes: list[str]) -> dict[str, Tensor]:
    """Strip prefixes from the names, and drop what is not part of a network."""
    state = dict(tensors)
    left_out = []
    stripped = []
    while True:
        leftovers = [name for name in state if _is_leftover(name)]
        for name in leftovers:
            del state[name]
        left_out += leftovers
        prefix = next((p for p in _PREFIXES if _wraps(p, state)), None)
        if prefix is None:
            break
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
        stripped.append(prefix)
    if stripped:
        notes.append(f"stripped the prefix {''.join(stripped)!r} from the names")
    if left_out:
        notes.append(f"left out what is not part of the network: {_listed(left_out)}")
    return state


def _wraps(prefix: str, state: Mapping[str, Tensor]) -> bool:
    """Whether most names begin with a prefix; a head beside a wrapped backbone may not."""
    inside = [name for name in state if name.startswith(prefix)]
    bare = {name.removeprefix(prefix) for name in inside}
    collides = bool(bare & (state.keys() - set(inside)))
    return 2 * len(inside) > len(state) and not collides


def _is_leftover(name: str) -> bool:
    return name.rpartition(".")[2] in _LEFTOVERS or name.startswith(_LEFTOVER_PREFIXES)


def _to_float32(tensor: Tensor, name: str, path: Path) -> Tensor:
    if tensor.is_quantized:
        raise ModelImportError(
            f"{path}: {name} is quantised; import the float weights that it was made from"
        )
    return (tensor.float() if tensor.is_floating_point() else tensor).detach().contiguous()


def _listed(names: Any, most: int = 8) -> str:
    texts = [repr(name) for name in names]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more
