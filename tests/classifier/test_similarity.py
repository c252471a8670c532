"""The similarity to class means: a cosine, of the nearest one."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from classifier.errors import ModelError
from classifier.similarity import directions, read_class_means, similarity

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MEANS = np.array([[2, 0, 0], [0, 3, 4]], np.float32)


def of(*vectors: tuple[float, float, float]) -> list[float]:
    return list(similarity(np.array(vectors, np.float32), directions(MEANS)))


def test_it_is_the_cosine_to_the_nearest_mean() -> None:
    found = of((5, 0, 0), (0, 0.3, 0.4), (0, 1, 0), (-1, 0, 0), (1, 0, 1))
    assert found == pytest.approx([1, 1, 0.6, 0, np.sqrt(0.5)], abs=1e-6)


@given(st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3), st.floats(0.125, 8))
def test_how_strong_the_features_are_does_not_matter(vector: list[float], factor: float) -> None:
    # Below, float32 has too few digits left for the cosine; real features are far above.
    assume(np.linalg.norm(vector) > 1e-6)
    (one,) = of((vector[0], vector[1], vector[2]))
    (other,) = of((factor * vector[0], factor * vector[1], factor * vector[2]))
    assert one == pytest.approx(other, abs=1e-5)
    assert -1.001 < one < 1.001


def test_no_features_are_similar_to_nothing() -> None:
    assert of((0, 0, 0)) == [0]


def saved(array: NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"text", b"\x93NUMPY", b"PK\3\4", b"\x80\4N."),
        *(saved(np.zeros(3, np.float32)), saved(np.array([["a"]])), saved(np.zeros((2, 2)))[:-1]),
        b"\x93NUMPY\1\0\4\0{'a\n",
    ],
)
def test_a_damaged_file_of_numbers_is_a_model_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "class_means.npy").write_bytes(content)
    with pytest.raises(ModelError, match=r"class_means\.npy: .*the class means"):
        read_class_means(tmp_path / "class_means.npy")
