"""All files of an evaluation, in a folder such as `analysis-val`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from storage.files import atomic_file, write_text
from train.evaluation.features import FEATURES
from train.evaluation.figures import compute
from train.evaluation.report.gallery import MISTAKES, SUSPECTS, write_gallery
from train.evaluation.report.grammar import RESULTS_FILE, check_results
from train.evaluation.report.page import write_page
from train.evaluation.report.results import build_results, sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import nn

    from classifier.description import Preprocessing
    from train.evaluation.figures import Answers
    from train.evaluation.suspects import Suspect

SAMPLES_FILE, ARRAYS_FILE = "all_samples.json", "tmp_model_analysis.npz"


def write_analysis(  # noqa: PLR0913
    folder: Path,
    answers: Answers,
    paths: Sequence[Path],
    network: nn.Module,
    preprocessing: Preprocessing,
    *,
    suspects: Sequence[Suspect],
) -> None:
    """Write ModelArts' three files, the galleries and the page, beside the suspects' CSV file.

    Args:
        folder: The folder to write.
        answers: The answers of `network` to the N photos.
        paths: The N photos' files.
        network: The network, for its maps.
        preprocessing: How photos become pixels.
        suspects: The suspect labels among them, the most suspect first.
    """
    results = build_results(answers, compute(answers))
    check_results(results, RESULTS_FILE)
    write_text(folder / RESULTS_FILE, compact_json(results) + "\n")
    samples = [sample(answers, index) for index in range(len(paths))]
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in samples)
    write_text(folder / SAMPLES_FILE, f'{{"samples": [\n{lines}\n]}}\n')
    _write_arrays(folder / ARRAYS_FILE, answers)
    galleries = {
        MISTAKES: [paths[index] for index in answers.mistakes()],
        SUSPECTS: [paths[one.index] for one in suspects],
    }
    write_gallery(folder, galleries, network, preprocessing)
    write_page(folder / RESULTS_FILE)


def compact_json(content: object, levels: int = 3) -> str:
    """Format JSON compactly, with one line per language, section and operator."""
    if not levels or not isinstance(content, dict) or not content:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    members = [
        f"{json.dumps(key, ensure_ascii=False)}: {compact_json(value, levels - 1)}"
        for key, value in content.items()
    ]
    return "{\n" + ",\n".join(members) + "\n}"


def _write_arrays(path: Path, answers: Answers) -> None:
    """Write the raw arrays as .npz, readable without pickle."""
    with atomic_file(path) as temporary:
        np.savez_compressed(
            temporary,
            probabilities=answers.probabilities,  # [N, C]
            labels=answers.labels,  # [N]
            samples=np.array(answers.samples),  # [N]
            class_names=np.array(answers.class_names),  # [C]
            features=answers.features,  # [N, 6]
            feature_names=np.array(FEATURES),  # [6]
        )
