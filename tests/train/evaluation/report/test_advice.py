"""Advice: each sentence appears where it applies, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from tests.train.evaluation.report.answers import answers_by_hand, make_answers, random_answers
from train.evaluation.figures import Answers, compute
from train.evaluation.report.advice import advise
from train.evaluation.report.texts import Voice


def advice_on(answers: Answers, language: str = "en-us") -> str:
    return "\n".join(advise(answers, compute(answers), Voice(language)))


EXPECTED = """\
With 6 photos the accuracy is known to within about 30 points; four times as many would halve that.
There are 3.0 times as many photos of daisy as of tulips: more photos of the rare class would help \
it most.
The weakest class is tulips, with an F1 of 0.000: 1 of its 1 photos are missed, and 0 others are \
taken for it.
The most frequent mistake is to take daisy for roses (1 of 3 photos): add photos of both that show \
the difference, and check the labels of those below.
1 photos got a wrong class with a probability above 90 %: look at them first, their labels may be \
wrong.
The model is overconfident: its mean probability is 74 %, but 67 % of its answers are right. \
Do not read its probability as certainty.
None of the six features of the photos has more influence than chance explains."""


def test_by_hand() -> None:
    assert advice_on(answers_by_hand()).splitlines() == EXPECTED.splitlines()


def test_in_chinese() -> None:
    sentences = advice_on(answers_by_hand(), "zh-cn").splitlines()
    assert len(sentences) == 7
    assert sentences[2].startswith("tulips 是最弱的类别")
    assert "1 张图片中漏判 1 张" in sentences[2]


def test_training_photos_come_with_a_warning() -> None:
    assert advice_on(answers_by_hand("train")).startswith("The model was trained on these photos")


def test_all_right() -> None:
    answers = make_answers(np.eye(3)[[0, 1, 2] * 40], [0, 1, 2] * 40)
    assert "Every photo was classified correctly." in advice_on(answers)
    assert "weakest" not in advice_on(answers)


def test_caution_is_told_from_overconfidence() -> None:
    right = make_answers(0.1 * np.eye(3)[[0, 1, 2] * 20] + 0.3, [0, 1, 2] * 20)
    assert "The model is underconfident: its mean probability is 40 %" in advice_on(right)


@pytest.mark.parametrize(("count", "told"), [(200, True), (3000, False)])
def test_a_wide_interval_is_told(count: int, *, told: bool) -> None:
    assert ("four times as many" in advice_on(random_answers(count))) is told


def test_an_influence_that_was_planted() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(900) % 3
    features = random.random((900, 6))
    dark = features[:, 2] < 0.2  # brightness
    told = np.where(dark & (labels == 1) & (random.random(900) < 0.8), 0, labels)
    answers = make_answers(np.eye(3)[told], labels.tolist(), features=features)
    assert (
        "Brightness has large influence: F1 is lowest in the lowest fifth, and roses is the class "
        "most affected; add such photos, or raise color_jitter in the recipe."
    ) in advice_on(answers)
    assert "None of the six" not in advice_on(answers)
