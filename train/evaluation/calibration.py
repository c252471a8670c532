"""Calibrates probabilities: temperature scaling (Guo et al. 2017, arXiv:1706.04599).

The logits are divided by one number, fitted on the validation photos. It is folded into the last
layer, so every runtime, and any other program that loads the weights, gives calibrated
probabilities. The best class of a photo never changes.
`train.evaluation.report` draws the reliability diagram.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from train.evaluation.curves import calibrate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

# Outside this range there are too few photos to fit: none is wrong, or hardly any is right.
_RANGE = (0.05, 20.0)
_SMALLEST = 1e-12  # keeps the logarithm finite


class TemperatureFit(NamedTuple):
    """The temperature, and the expected calibration error (0..1) without it."""

    temperature: float
    error_before: float


def fit(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> TemperatureFit:
    """Fit a temperature to probabilities [N, C] of photos of the classes `labels` [N]."""
    before = calibrate(probabilities, labels).expected_error
    return TemperatureFit(fit_temperature(probabilities, labels), before)


def fit_temperature(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the temperature of maximum likelihood for the actual classes, in 0.05..20.

    Args:
        probabilities: [N, C], the softmax at temperature 1.
        labels: [N], the actual classes.
    """
    # Equal to the logits up to a constant per photo, which the softmax cancels.
    logits = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))  # [N, C]

    def negative_log_likelihood(log_temperature: float) -> float:
        likelihoods = log_softmax(logits / math.exp(log_temperature), axis=1)  # [N, C]
        return -float(likelihoods[np.arange(len(labels)), labels].mean())

    low, high = (math.log(end) for end in _RANGE)
    found = minimize_scalar(negative_log_likelihood, bounds=(low, high), method="bounded")
    return math.exp(float(found.x))


def fold_temperature(
    state: Mapping[str, Tensor], temperature: float, head: str
) -> dict[str, Tensor]:
    """Return the state dict whose logits are those of `state`, divided by `temperature`.

    Args:
        state: A network's state dict.
        temperature: From `fit`.
        head: Name of the last linear layer.
    """
    scaled = (f"{head}.weight", f"{head}.bias")
    return {name: v / temperature if name in scaled else v for name, v in state.items()}
