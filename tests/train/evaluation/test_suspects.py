"""Labels that the model doubts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from train.evaluation.suspects import SUSPECTS_FILE, find_suspects, write_suspects

if TYPE_CHECKING:
    from pathlib import Path


def test_a_swapped_label_is_suspect_and_an_unsure_mistake_is_not(tmp_path: Path) -> None:
    rows = [(0.9, 0.1, 0), (0.8, 0.2, 0), (0.1, 0.9, 1), (0.2, 0.8, 1), (0.48, 0.52, 0)]
    swapped = [(0.05, 0.95, 0), (0.9, 0.1, 1)]
    values = np.array([row[:2] for row in (*rows, *swapped)], dtype=np.float32)
    labels = np.array([row[2] for row in (*rows, *swapped)])
    suspects = find_suspects(values, labels)
    assert [(one.index, one.suggested) for one in suspects] == [(5, 1), (6, 0)]
    write_suspects(tmp_path, suspects, [f"val/{index}.jpg" for index in range(7)], ["a", "b, c"])
    assert (tmp_path / SUSPECTS_FILE).read_text().splitlines() == [
        "path,label,suggested,p_label,p_suggested",
        'val/5.jpg,a,"b, c",0.0500,0.9500',
        'val/6.jpg,"b, c",a,0.1000,0.9000',
    ]


def test_a_class_without_photos_is_suggested_to_nobody() -> None:
    values = np.array([[0.1, 0.0, 0.9], [0.9, 0.1, 0.0]], dtype=np.float32)
    assert find_suspects(values, np.array([0, 0])) == []
