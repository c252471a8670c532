"""What runs the network: one small interface, and the choice of its implementations.

A runtime is a folder's worth of files made by `archive` and a class here that loads them.
The names are those of the `RUNTIME` variable: engine, then precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifier.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.runtimes.runtime import Runtime

RUNTIMES = ("openvino-int8", "openvino-bf16", "openvino-fp32", "torch-bf16", "torch-fp32")


def load_runtime(name: str, model_file: Path, *, threads: int, gpu: int | None = None) -> Runtime:
    """Load the runtime called `name`.

    Args:
        name: One of `RUNTIMES`.
        model_file: The file that `archive` made for it.
        threads: CPU threads it may use.
        gpu: Index of the GPU that is its own; None for the CPU. OpenVINO's run on the CPU.

    Raises:
        ModelError: The name is unknown or the file cannot be loaded.
    """
    # Imported on demand: a worker pays only for the engine that it runs.
    match name.split("-"):
        case ["openvino", precision] if name in RUNTIMES:
            from classifier.runtimes.openvino_cpu import OpenVinoRuntime  # noqa: PLC0415

            return OpenVinoRuntime(model_file, precision=precision, threads=threads)
        case ["torch", precision] if name in RUNTIMES:
            from classifier.runtimes.torch_eager import TorchRuntime  # noqa: PLC0415

            return TorchRuntime(model_file, precision=precision, threads=threads, gpu=gpu)
        case _:
            raise ModelError(f"unknown runtime {name!r}; choose one of {', '.join(RUNTIMES)}")
