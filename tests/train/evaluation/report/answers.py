"""A made-up classifier's answers, set by hand or at random, and a foreign file in the grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from train.evaluation.features import FEATURES
from train.evaluation.figures import Answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CLASS_NAMES = ("daisy", "roses", "tulips")


def answers_by_hand(split: str = "val") -> Answers:
    """Give six answers: two daisies right, one taken for roses; both roses right; tulips wrong."""
    probabilities = [
        [0.8, 0.1, 0.1],
        [0.6, 0.2, 0.2],
        [0.3, 0.5, 0.2],  # a daisy taken for roses
        [0.1, 0.9, 0.0],
        [0.2, 0.7, 0.1],
        [0.02, 0.95, 0.03],  # a tulip taken for roses
    ]
    return make_answers(probabilities, [0, 0, 0, 1, 1, 2], split=split)


def make_answers(
    probabilities: Sequence[Sequence[float]] | NDArray[np.floating[Any]],
    labels: Sequence[int],
    *,
    class_names: Sequence[str] = CLASS_NAMES,
    features: NDArray[np.float64] | None = None,
    split: str = "val",
) -> Answers:
    """Make answers whose photos are `val/0.jpg` and so on; features count up if none are given."""
    count = len(labels)
    if features is None:
        features = np.arange(count * len(FEATURES), dtype=np.float64).reshape(count, len(FEATURES))
    return Answers(
        split=split,
        class_names=tuple(class_names),
        samples=tuple(f"{split}/{number}.jpg" for number in range(count)),
        labels=np.array(labels, dtype=np.int64),
        probabilities=np.array(probabilities, dtype=np.float32),
        features=features,
        facts={"architecture": "resnet18"},
    )


def random_answers(count: int, *, right: float = 0.8, seed: int = 0) -> Answers:
    """Make answers of which about a share of `right` are right, whatever the features are."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASS_NAMES)
    told = np.where(random.random(count) < right, labels, random.integers(0, 3, count))
    scores = random.random((count, 3)) + 2 * np.eye(3)[told]
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    return make_answers(
        probabilities.astype(np.float32), labels.tolist(), features=random.random((count, 6))
    )


def foreign_results(name: str = "猫") -> dict[str, Any]:
    """Write what another program might: one language, operators of its own, no extras of ours."""
    return {
        "zh-cn": {
            "common": {},
            "precision_performance": {
                "get_confusion_matrix": {
                    "title": f"{name} 混淆矩阵",
                    "description": "",
                    "value": {},
                    "table": {
                        name: {
                            "top_left_cell": "pred/label",
                            "row_labels": [name, "狗"],
                            "col_labels": [name, "狗"],
                            "cell_value": [[1000, 2], [1, 7]],
                        }
                    },
                    "line_chart": {
                        "p-r": {
                            "x_axis_name": name,
                            "y_axis_name": "P",
                            "x_axis_range": [],
                            "y_axis_range": [],
                            "curve": {name: [[0.0, 0.0], [10, 2.5]], "empty": []},
                        }
                    },
                    "pie_chart": {name: {"label": [name, "狗"], "value": [0, 0]}},
                    "column_chart": {
                        name: {
                            "x_axis_name": "",
                            "y_axis_name": "",
                            "x_axis_range": [],
                            "y_axis_range": [],
                            "x_value": [name, 2],
                            "y_value": [-1, 250000],
                        }
                    },
                },
                "get_negative_samples_cls": [
                    {
                        "labels": [{"name": name, "type": 0, "property": {}}],
                        "predict_labels": [{"name": "狗", "type": 0, "property": {}}],
                        "score": "0.424",
                        "data_info": f"obs://bucket/{name}.jpg",
                    }
                ],
            },
        }
    }
