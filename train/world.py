"""The processes that train together, on one machine or many: `torchrun ... -m train`.

Each trains on its share of every batch; gradients, batch statistics and figures are those of the
whole batch, so the number of processes changes the speed but not the training. Only the first
process writes. Without `torchrun` there is one process, and nothing here costs anything.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

T = TypeVar("T")


@contextlib.contextmanager
def joined() -> Iterator[None]:
    """Join the other processes, if `torchrun` started this one."""
    if not distributed.is_torchelastic_launched():
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, this_rank, world_size = next(rendezvous("env://"))
    # torchrun keeps its store across restarts, and with it the addresses of dead processes.
    attempt = os.environ["TORCHELASTIC_RESTART_COUNT"]
    distributed.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        store=PrefixStore(f"attempt {attempt}", store),
        rank=this_rank,
        world_size=world_size,
    )
    try:
        yield
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """Return the rank of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def size_here() -> int:
    """Return the number of processes on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that writes and reports."""
    return rank() == 0


def total(values: Tensor) -> Tensor:
    """Add up the values of all processes in place; each process gets the sums."""
    if size() > 1:
        distributed.all_reduce(values)
    return values


def from_first(make: Callable[[], T]) -> T:
    """Compute something in the first process only, and return it in all of them."""
    if size() == 1:
        return make()
    made: list[T | None] = [make() if is_first() else None]
    distributed.broadcast_object_list(made)
    return made[0]  # type: ignore[return-value]
