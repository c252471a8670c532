"""The slope of a figure: least squares, with the uncertainty of the slope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.stats import linregress

if TYPE_CHECKING:
    from collections.abc import Sequence

_Z95 = 1.96  # standard errors to either end of a 95 % interval, for many points


@dataclass(frozen=True)
class Slope:
    """How fast a figure grows.

    Attributes:
        per_unit: Growth per unit of x.
        ci95: Half the width of its 95 % confidence interval; None with fewer than three points.
    """

    per_unit: float
    ci95: float | None

    def __str__(self) -> str:
        if self.ci95 is None:
            return f"{self.per_unit:+.2f}"
        return f"{self.per_unit:+.2f} ± {self.ci95:.2f}"


def slope(x: Sequence[float], y: Sequence[float], unit: float = 1.0) -> Slope:
    """Fit a line through points.

    Args:
        x: Positions; at least two different values.
        y: Figures at these positions.
        unit: Divides x, such as 3600 to report seconds as hours.
    """
    if len(set(y)) == 1:  # constant: nothing to fit
        return Slope(0.0, 0.0)
    found = linregress([value / unit for value in x], y)
    few = len(x) < 3  # noqa: PLR2004  two points lie on a line, whatever they are
    return Slope(float(found.slope), None if few else _Z95 * float(found.stderr))
