"""Replaces PyTorch in a worker whose runtime does not need it; packed as `torch.py`.

TorchServe's workers import torch for one `isinstance(answer, torch.Tensor)`. The model's folder is
first on a worker's import path, so they import this module instead; see docs/architecture.md.
"""


class Tensor:
    """A class of which no answer is an instance."""
