"""Stands in for PyTorch in a worker whose runtime needs none: packed as `torch.py`.

TorchServe's workers import torch for one `isinstance(answer, torch.Tensor)`. The model's folder is
first on a worker's import path, so this module is what that finds; see docs/architecture.md.
"""


class Tensor:
    """What no answer of ours is an instance of."""
