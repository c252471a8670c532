"""Conclusions from the figures, in sentences, the most important first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from train.evaluation.figures import Answers, Figures
    from train.evaluation.report.texts import Voice
    from train.evaluation.sensitivity import Sensitivity

_WIDE_INTERVAL = 0.03  # half of it; smaller differences are debatable
_SURE = 0.9
_CALIBRATION_GAP = 0.05
_IMBALANCE = 2.0


def advise(answers: Answers, figures: Figures, voice: Voice) -> list[str]:
    """Draw conclusions, of one or two sentences each."""
    return [
        *_about_the_photos(answers, figures, voice),
        *_about_mistakes(answers, figures, voice),
        *_about_probabilities(answers, figures, voice),
        *_about_features(answers, figures, voice),
    ]


def influence(sensitivity: Sensitivity, answers: Answers, voice: Voice) -> str:
    """Describe the influence of a feature in a sentence."""
    name = answers.class_names[sensitivity.most_affected]
    return voice.say("influence", sensitivity.influence, p=f"{sensitivity.p_value:.3f}", name=name)


def _about_the_photos(answers: Answers, figures: Figures, voice: Voice) -> Iterator[str]:
    if answers.split == "train":
        yield voice.say("advice", "train")
    low, high = figures.metrics.accuracy_ci95
    if (high - low) / 2 > _WIDE_INTERVAL:
        points = f"{100 * (high - low) / 2:.0f}"
        yield voice.say("advice", "few", images=len(answers.labels), points=points)
    with_photos = [one for one in figures.metrics.per_class if one.images]
    by_size = sorted(with_photos, key=lambda one: one.images)
    few, many = by_size[0], by_size[-1]
    ratio = many.images / few.images
    if ratio >= _IMBALANCE:
        yield voice.say("advice", "imbalance", many=many.name, few=few.name, ratio=f"{ratio:.1f}")


def _about_mistakes(answers: Answers, figures: Figures, voice: Voice) -> Iterator[str]:
    matrix = np.array(figures.metrics.confusion_matrix)  # [C, C], rows are actual classes
    wrong = matrix - np.diag(matrix.diagonal())
    if not wrong.any():
        yield voice.say("advice", "perfect")
        return
    with_photos = np.flatnonzero(matrix.sum(axis=1))
    weakest = min(with_photos, key=lambda index: figures.metrics.per_class[index].f1)
    figure = figures.metrics.per_class[weakest]
    yield voice.say(
        "advice",
        "weakest",
        name=figure.name,
        f1=f"{figure.f1:.3f}",
        missed=wrong[weakest].sum(),
        images=figure.images,
        false=wrong[:, weakest].sum(),
    )
    actual, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    yield voice.say(
        "advice",
        "confusion",
        actual=answers.class_names[actual],
        predicted=answers.class_names[predicted],
        count=wrong[actual, predicted],
        images=matrix[actual].sum(),
    )
    sure = int((answers.confidence[answers.mistakes()] > _SURE).sum())
    if sure:
        yield voice.say("advice", "sure", count=sure, limit=round(100 * _SURE))


def _about_probabilities(answers: Answers, figures: Figures, voice: Voice) -> Iterator[str]:
    confidence, accuracy = float(answers.confidence.mean()), figures.metrics.accuracy
    if abs(confidence - accuracy) > _CALIBRATION_GAP:
        yield voice.say(
            "advice",
            "overconfident" if confidence > accuracy else "underconfident",
            confidence=f"{100 * confidence:.0f}",
            accuracy=f"{100 * accuracy:.0f}",
        )


def _about_features(answers: Answers, figures: Figures, voice: Voice) -> Iterator[str]:
    influential = {n: s for n, s in figures.sensitivity.items() if s.influence != "chance"}
    if not influential:
        yield voice.say("advice", "insensitive")
    for name, sensitivity in sorted(influential.items(), key=lambda item: -max(item[1].deviation)):
        yield voice.say(
            "advice",
            f"sensitive_{sensitivity.influence}",
            feature=voice.label(name),
            fifth=voice.say("fifths", str(_weakest_bucket(sensitivity))),
            name=answers.class_names[sensitivity.most_affected],
            remedy=voice.say("remedies", name),
        )


def _weakest_bucket(sensitivity: Sensitivity) -> int:
    """Return the bucket with the lowest mean F1 over the classes present in it."""
    means = {
        number: np.mean([cell for cell in row if cell is not None])
        for number, row in enumerate(sensitivity.f1)
        if any(cell is not None for cell in row)
    }
    return min(means, key=lambda number: means[number])
