"""The engines that run the network: one small interface and its implementations.

A runtime consists of files written by `archive` and a class here that loads them.
The names are the values of the `RUNTIME` variable: engine, then precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from classifier.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.runtimes.runtime import Runtime


@dataclass(frozen=True)
class Form:
    """One combination of engine and precision; `RUNTIMES` lists them all.

    Attributes:
        engine: "openvino" or "torch".
        precision: "int8", "bf16" or "fp32".
        tolerance: Largest difference in probability on the reference pictures that rounding alone
            explains: between machines, and, for a form that was not measured on photos, from the
            evaluation (float32, eager PyTorch).
        more_exact: The runtime to fall back on if this one is not exact enough; None for the most
            exact.
        needs_photos: Whether its calibration needs photos.
    """

    engine: str
    precision: str
    tolerance: float
    more_exact: str | None = None
    needs_photos: bool = False


RUNTIMES = {
    "openvino-int8": Form("openvino", "int8", 1.5e-1, "openvino-bf16", needs_photos=True),
    "openvino-bf16": Form("openvino", "bf16", 5e-2, "openvino-fp32"),
    "openvino-fp32": Form("openvino", "fp32", 1e-3),
    "torch-bf16": Form("torch", "bf16", 5e-2, "torch-fp32"),
    "torch-fp32": Form("torch", "fp32", 1e-3),
}


def load_runtime(name: str, model_file: Path, *, threads: int, gpu: int | None = None) -> Runtime:
    """Load the runtime called `name`.

    Args:
        name: One of `RUNTIMES`.
        model_file: The file that `archive` wrote for it.
        threads: CPU threads it may use.
        gpu: Index of its GPU; None for the CPU. OpenVINO runtimes always use the CPU.

    Raises:
        ModelError: The name is unknown or the file cannot be loaded.
    """
    form = form_of(name)
    # Imported on demand: a worker loads only the engine that it runs.
    if form.engine == "openvino":
        from classifier.runtimes.openvino_cpu import OpenVinoRuntime  # noqa: PLC0415

        return OpenVinoRuntime(model_file, precision=form.precision, threads=threads)
    from classifier.runtimes.torch_eager import TorchRuntime  # noqa: PLC0415

    return TorchRuntime(model_file, precision=form.precision, threads=threads, gpu=gpu)


def form_of(name: str) -> Form:
    """Return a runtime's entry of `RUNTIMES`.

    Raises:
        ModelError: The name is unknown.
    """
    if name not in RUNTIMES:
        raise ModelError(f"unknown runtime {name!r}; choose one of {', '.join(RUNTIMES)}")
    return RUNTIMES[name]
