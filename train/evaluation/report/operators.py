"""The operators of the grammar: each a group of figures with its title, tables and charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.evaluation.curves import CALIBRATION_BINS
from train.evaluation.report.advice import influence
from train.evaluation.report.grammar import column_chart, line_chart, operator, table
from train.evaluation.sensitivity import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from train.evaluation.curves import Curve
    from train.evaluation.figures import Answers, Figures
    from train.evaluation.report.grammar import Json, Points
    from train.evaluation.report.texts import Voice
    from train.evaluation.sensitivity import Sensitivity

_DIGITS = 6  # decimal places of shares and probabilities; curves are only drawn, so four are plenty
_BUCKET_LABELS = [f"{20 * number}%-{20 * number + 20}%" for number in range(BUCKETS)]


def accuracy(figures: Figures, voice: Voice) -> Json:
    """The headline: accuracy with its interval, counts, mean F1, calibration error."""
    metrics = figures.metrics
    with_photos = [one for one in metrics.per_class if one.images]
    right = sum(row[index] for index, row in enumerate(metrics.confusion_matrix))
    value = {
        "accuracy": _round(metrics.accuracy),
        "accuracy_low": _round(metrics.accuracy_ci95[0]),
        "accuracy_high": _round(metrics.accuracy_ci95[1]),
        "images": metrics.images,
        "right": right,
        "wrong": metrics.images - right,
        "macro_f1": _round(sum(one.f1 for one in with_photos) / len(with_photos)),
        "ece": _round(figures.calibration.expected_error),
    }
    description = voice.say("descriptions", "accuracy", images=metrics.images)
    return operator(voice.say("titles", "accuracy"), description, value=value)


def class_distribution(figures: Figures, voice: Voice) -> Json:
    """The number of photos of each class."""
    names = [one.name for one in figures.metrics.per_class]
    images = [one.images for one in figures.metrics.per_class]
    return _operator(
        "class_distribution",
        voice,
        pie_chart={"class_distribution": {"label": names, "value": images}},
    )


def about(answers: Answers, voice: Voice) -> Json:
    """The origin of the figures."""
    facts = {
        "split": answers.split,
        "photos": str(len(answers.labels)),
        "classes": str(len(answers.class_names)),
        **answers.facts,
    }
    rows = [voice.label(name) for name in facts]
    cells = [[fact] for fact in facts.values()]
    content = table("", rows, [voice.label("value")], cells)
    return operator(voice.say("titles", "about"), "", table={"about": content})


def confusion_matrix(figures: Figures, voice: Voice) -> Json:
    """The confusion matrix: columns are actual classes, rows predicted ones."""
    names = [one.name for one in figures.metrics.per_class]
    # Rows are the predicted classes here, but the actual ones in scikit-learn's matrix.
    cells = [list(column) for column in zip(*figures.metrics.confusion_matrix, strict=True)]
    matrix = table(voice.label("predicted_actual"), names, names, cells)
    return _operator("confusion_matrix", voice, table={"confusion_matrix": matrix})


def per_class(figures: Figures, voice: Voice) -> Json:
    """Recall, precision and F1 of each class."""
    names = [one.name for one in figures.metrics.per_class]
    kinds = ("recall", "precision", "f1")
    values = {
        kind: [_round(getattr(one, kind)) for one in figures.metrics.per_class] for kind in kinds
    }
    charts = {
        kind: column_chart(voice.label("class"), voice.label(kind), names, values[kind])
        for kind in kinds
    }
    cells = [list(row) for row in zip(*values.values(), strict=True)]
    content = table(voice.label("class"), names, [voice.label(kind) for kind in kinds], cells)
    return _operator("per_class", voice, table={"per_class": content}, column_chart=charts)


def roc(answers: Answers, figures: Figures, voice: Voice) -> Json:
    """Each class's ROC curve, with the area under it."""
    axes = (voice.label("false_positive_rate"), voice.label("true_positive_rate"))
    return _curves("roc", "area", axes, zip(answers.class_names, figures.roc, strict=True), voice)


def precision_recall(answers: Answers, figures: Figures, voice: Voice) -> Json:
    """Each class's precision-recall curve, with its average precision."""
    axes = (voice.label("recall"), voice.label("precision"))
    curves = zip(answers.class_names, figures.precision_recall, strict=True)
    return _curves("precision_recall", "average_precision", axes, curves, voice)


def _curves(
    name: str,
    area: str,
    axes: tuple[str, str],
    curves: Iterable[tuple[str, Curve]],
    voice: Voice,
) -> Json:
    by_class = {name: curve for name, curve in curves if len(curve.points)}
    chart = line_chart(*axes, [0, 1], {n: _points(c.points.tolist()) for n, c in by_class.items()})
    cells = [[_round(curve.area)] for curve in by_class.values()]
    areas = table(voice.label("class"), list(by_class), [voice.label(area)], cells)
    return _operator(name, voice, table={area: areas}, line_chart={name: chart})


def reliability(figures: Figures, voice: Voice) -> Json:
    """Predicted probabilities against the share of correct answers."""
    bins = figures.calibration.bins
    measured = [[one.confidence, one.accuracy] for one in bins if one.photos]
    curve = {
        voice.label("measured"): _points(measured),
        voice.label("ideal"): _points([[0, 0], [1, 1]]),
    }
    axes = (voice.label("confidence"), voice.label("accuracy"))
    names = [f"{one.low:.2f}-{one.high:.2f}" for one in bins]
    photos = sum(one.photos for one in bins)
    shares = [_round(one.photos / photos) for one in bins]
    filled = [(n, one) for n, one in zip(names, bins, strict=True) if one.photos]
    columns = [voice.label(key) for key in ("photos", "confidence", "accuracy")]
    cells = [[one.photos, _round(one.confidence), _round(one.accuracy)] for _, one in filled]
    return operator(
        voice.say("titles", "reliability"),
        voice.say("descriptions", "reliability", bins=CALIBRATION_BINS),
        value={"ece": _round(figures.calibration.expected_error)},
        table={"reliability": table(axes[0], [n for n, _ in filled], columns, cells)},
        line_chart={"reliability": line_chart(*axes, [0, 1], curve)},
        column_chart={
            "histogram": column_chart(axes[0], voice.label("share"), names, shares),
        },
    )


def sensitivity(name: str, found: Sensitivity, answers: Answers, voice: Voice) -> Json:
    """F1 in the five buckets of a feature's value, and the conclusion."""
    classes = list(answers.class_names)
    f1 = [[None if cell is None else _round(cell) for cell in row] for row in found.f1]
    rows = [*_BUCKET_LABELS, voice.label("deviation")]
    by_class = table(
        voice.label("bucket"), rows, classes, [*f1, [_round(value) for value in found.deviation]]
    )
    columns = [voice.label(key) for key in ("from", "to", "photos")]
    ranges = [
        [*(map(_significant, limits) if limits else (None, None)), photos]
        for limits, photos in zip(found.ranges, found.photos, strict=True)
    ]
    curve = {
        class_name: _points(
            [[20 * n + 10, row[c]] for n, row in enumerate(found.f1) if row[c] is not None]
        )
        for c, class_name in enumerate(classes)
    }
    chart = line_chart(voice.label("bucket_percent"), voice.label("f1"), [0, 100], curve)
    description = voice.say(
        "descriptions",
        "sensitivity",
        measured=voice.say("measured", name),
        verdict=influence(found, answers, voice),
    )
    return operator(
        voice.label(name),
        description,
        table={
            "f1_by_bucket": by_class,
            "ranges": table(voice.label("bucket"), _BUCKET_LABELS, columns, ranges),
        },
        line_chart={"f1_by_bucket": chart},
    )


def _operator(name: str, voice: Voice, **parts: Json) -> Json:
    return operator(voice.say("titles", name), voice.say("descriptions", name), **parts)


def _points(points: Iterable[Iterable[float | None]]) -> Points:
    return [[round(float(value or 0), 4) for value in point] for point in points]


def _round(value: float) -> float:
    return round(value, _DIGITS)


def _significant(value: float) -> float:
    return float(f"{value:.5g}")
