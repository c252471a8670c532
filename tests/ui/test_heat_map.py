"""The map over the photo: its position, and where it is visible."""

from __future__ import annotations

import numpy as np
import pytest

from ui.heat_map import Frame, draw_heat, frame_of


def test_the_most_evidence_is_the_brightest_and_the_least_is_not_seen() -> None:
    heat = np.asarray(draw_heat([[-3.0, -3.0], [-3.0, 5.0]]))
    assert heat.shape == (224, 224, 4)
    assert heat[0, 0, 3] < 10
    assert heat[-1, -1, 3] == 255
    assert tuple(heat[-1, -1, :3]) == (240, 249, 33)


def test_a_flat_map_shows_nothing() -> None:
    assert np.asarray(draw_heat([[2.0, 2.0], [2.0, 2.0]]))[..., 3].max() == 0


@pytest.mark.parametrize("evidence", [[], [1.0], [[1.0], [1.0, 2.0]], [[float("nan")]]])
def test_what_is_no_map_is_refused(evidence: list[list[float]]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - numpy has words of its own
        draw_heat(evidence)


def test_the_frame_is_the_central_crop() -> None:
    preprocessing = {"resize": 256, "crop": 224}
    assert frame_of(400, 200, preprocessing) == Frame(28.125, 6.25, 43.75, 87.5)
    assert frame_of(200, 400, preprocessing) == Frame(6.25, 28.125, 87.5, 43.75)
