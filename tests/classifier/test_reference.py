"""Reference pictures are the same everywhere; their answers are stored exactly enough."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from classifier.errors import ModelError
from classifier.reference import REFERENCE_NAMES, draw, draw_png, read_reference, write_reference

if TYPE_CHECKING:
    from pathlib import Path

# Of the pixels, and not of the PNG files: compression differs between versions of zlib.
SHA256 = {
    "white-daisy": "25020a357d91c1bbd608e2db832f8affc129588805041387b69d5d90036848fb",
    "yellow-sunflower": "e6dae9b05263fca225e5b94565f9351455a906eab73f926719905718e26b50ea",
    "red-rose": "6fe2b4b5a5f19966e547ad0093560b6214ff4f75669cc25c9f7b26fbbfcdcf36",
    "pink-tulip": "a0c3ac18a9f01f135c3b5efcdd3481a03e109abe63226a48dae4080ef279a740",
    "yellow-dandelion": "8154f384ae130d65f79e9e965f384840efbe908832a8a46296a73a2c932d57a6",
    "blue-aster": "6285058eceb7d38ba5f947a05d29c1f610de44b28fbeb687c040fc4852bda4dd",
}


def test_every_picture_has_a_digest_here() -> None:
    assert tuple(SHA256) == REFERENCE_NAMES


@pytest.mark.parametrize("name", REFERENCE_NAMES)
def test_a_picture_is_the_same_everywhere(name: str) -> None:
    picture = draw(name)
    assert picture.shape == (288, 320, 3)
    assert hashlib.sha256(picture.tobytes()).hexdigest() == SHA256[name]


def test_the_png_holds_the_drawn_pixels() -> None:
    with Image.open(io.BytesIO(draw_png("red-rose"))) as image:
        np.testing.assert_array_equal(np.asarray(image), draw("red-rose"))


def test_a_picture_may_have_another_size() -> None:
    assert draw("red-rose", width=31, height=17).shape == (17, 31, 3)


def test_reading_gives_what_was_written(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    answers = {
        name: random.dirichlet(np.ones(5)).astype(np.float32) for name in reversed(REFERENCE_NAMES)
    }
    write_reference(tmp_path / "reference.json", answers)
    read = read_reference(tmp_path / "reference.json")
    assert list(read) == list(REFERENCE_NAMES)
    for name, answer in answers.items():
        np.testing.assert_allclose(read[name], answer, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read the reference answers"),
        ("[]", "expected answers to white-daisy, yellow-sunflower, "),
        ('{"white-daisy": [1.0]}', "expected answers to white-daisy, yellow-sunflower, "),
        (
            json.dumps({key: [1.0] for key in (*REFERENCE_NAMES, "green-fern")}),
            "expected answers to white-daisy, yellow-sunflower, ",
        ),
    ],
)
def test_answers_to_other_pictures_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "reference.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=rf"reference\.json: {message}"):
        read_reference(tmp_path / "reference.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"reference\.json: cannot read the reference answers"):
        read_reference(tmp_path / "reference.json")
