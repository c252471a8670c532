"""Each request of a batch has its budget and its turn, and all share one deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from classifier.batches import QUICK_S, classify_in_order
from classifier.errors import TooLarge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.batches import Job

BUDGET_S = 10.0
QUICK, DEAR = b"q", b"d"
COSTS = {QUICK: QUICK_S / 2, DEAR: 4.0, b"e": 3.0, b"x": 9.0}


class Classifier:
    """Answers with the file itself, and keeps the order in which it decoded."""

    def __init__(self) -> None:
        self.decoded: list[tuple[int, bytes]] = []
        self.sizes: list[int] = []

    def __call__(self, jobs: Sequence[Job[bytes]], *, most_s: float) -> None:
        """Answer those that take at most `most_s`."""
        self.sizes.append(len(jobs))
        for job in jobs:
            job.decode_s = COSTS[job.file]
            if job.decode_s <= most_s:
                self.decoded.append((job.request, job.file))
                job.result = job.file


def classify(
    requests: list[list[bytes]], chunk_size: int = 4
) -> tuple[list[list[bytes | Exception]], Classifier]:
    classifier = Classifier()
    results = classify_in_order(requests, classifier, chunk_size=chunk_size, max_request_s=BUDGET_S)
    return results, classifier


@given(st.lists(st.lists(st.sampled_from(sorted(COSTS)), max_size=6), max_size=6))
def test_each_image_has_its_result_and_dear_requests_are_refused(
    requests: list[list[bytes]],
) -> None:
    results, classifier = classify(requests)
    assert max(classifier.sizes, default=0) <= 4
    for index, (files, found) in enumerate(zip(requests, results, strict=True)):
        assert len(found) == len(files)
        is_refused = sum(COSTS[file] for file in files) > BUDGET_S
        for file, result in zip(files, found, strict=True):
            if is_refused and file != QUICK:
                assert isinstance(result, TooLarge)
                assert (index, file) not in classifier.decoded
            else:
                assert result == file or (is_refused and isinstance(result, TooLarge))


def test_the_images_of_one_request_wait_for_those_of_others() -> None:
    _, classifier = classify([[QUICK] * 5, [QUICK], [QUICK]])
    assert [request for request, _ in classifier.decoded] == [0, 1, 2, 0, 0, 0, 0]


def test_dear_images_wait_for_all_others_and_the_dearest_request_comes_last() -> None:
    _, classifier = classify([[b"x"], [DEAR, b"e"], *[[QUICK]] * 6])
    assert [file for _, file in classifier.decoded] == [QUICK] * 6 + [b"e", DEAR, b"x"]


def test_dear_requests_are_completed_one_by_one() -> None:
    _, classifier = classify([[DEAR, DEAR], [b"e", b"e"], [DEAR, DEAR]])
    assert [request for request, _ in classifier.decoded] == [1, 1, 0, 0, 2, 2]


def test_once_a_request_is_over_its_budget_no_more_of_it_is_opened() -> None:
    # To open a file takes time of its own: there may be 65,536 parts before its pixels.
    _, classifier = classify([[b"x"] * 60, [QUICK]])
    assert sum(classifier.sizes) == 4


def test_a_refusal_says_that_all_images_are_meant() -> None:
    ((first, _, _),), _ = classify([[DEAR, DEAR, DEAR]])
    assert str(first) == (
        "all images together: expected images that decode in about 10 s at most; found images that "
        "take about 12 s or more; spread them over several requests, or send them at a smaller size"
    )
