"""Answers are kept by content, within a bound."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from classifier.answer_cache import AnswerCache
from classifier.meter import CACHE, Meter
from classifier.model import Classification, Model
from tests.classifier.test_model import FILES, GOOD, LIMITS

if TYPE_CHECKING:
    from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer of a size that is given."""

    text: str
    nbytes: int = 1000


def test_equal_files_share_an_answer_and_others_do_not() -> None:
    cache: AnswerCache[Answer] = AnswerCache(10**6)
    cache.put(b"a photo", Answer("daisy"))
    assert cache.get(bytes(bytearray(b"a photo"))) == Answer("daisy")
    assert cache.get(b"a photo ") is None


def test_the_least_recently_used_goes_first_and_the_bound_holds() -> None:
    cache: AnswerCache[Answer] = AnswerCache(5000)  # three of them with their overhead
    for name in "abc":
        cache.put(name.encode(), Answer(name))
    cache.get(b"a")
    cache.put(b"d", Answer("d"))
    kept = [name for name in "abcd" if cache.get(name.encode())]
    assert kept == ["a", "c", "d"]
    cache.put(b"e", Answer("too large", nbytes=5000))
    assert cache.get(b"e") is None
    assert [name for name in "abcd" if cache.get(name.encode())] == kept


def test_an_answer_that_was_put_twice_counts_once() -> None:
    cache: AnswerCache[Answer] = AnswerCache(3100)
    for name in "aab":
        cache.put(name.encode(), Answer(name))
    assert cache.get(b"a")
    assert cache.get(b"b")


def test_nothing_is_kept_without_memory() -> None:
    cache: AnswerCache[Answer] = AnswerCache(0)
    cache.put(b"a", Answer("a", nbytes=0))
    assert cache.get(b"a") is None


def test_a_model_answers_from_its_cache_and_counts(torch_build: Path) -> None:
    meter = Meter()
    settings = dataclasses.replace(LIMITS, answer_cache_mib=8)
    model = Model(torch_build, settings, threads=1, batch_size=3, meter=meter)
    first = model.classify(FILES)
    counts = {label: amount for name, label, amount in meter.take() if name == CACHE}
    assert counts == {"miss": len(FILES)}
    again = model.classify([*FILES, *GOOD])
    counts = {label: amount for name, label, amount in meter.take() if name == CACHE}
    assert counts == {"hit": 2 * len(GOOD), "miss": len(FILES) - len(GOOD)}
    for before, after in zip([*first, *first[: len(GOOD)]], again, strict=True):
        assert type(before) is type(after)
        if isinstance(before, Classification) and isinstance(after, Classification):
            assert np.array_equal(before.probabilities, after.probabilities)
            assert np.array_equal(before.features, after.features)
            assert np.array_equal(before.pixels, after.pixels)
            assert after.pixels.base is None  # not a part of a batch, which would be kept whole


def test_without_a_cache_nothing_is_looked_up(torch_build: Path) -> None:
    meter = Meter()
    model = Model(torch_build, LIMITS, threads=1, batch_size=3, meter=meter)
    model.classify([*GOOD, *GOOD])
    assert not [name for name, _, _ in meter.take() if name == CACHE]
