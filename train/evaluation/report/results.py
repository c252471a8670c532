"""Expresses the figures in the grammar of `model_analysis_results.json`, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.evaluation.report import operators
from train.evaluation.report.advice import advise
from train.evaluation.report.grammar import LANGUAGES, SECTIONS, STRIP, operator
from train.evaluation.report.texts import Voice

if TYPE_CHECKING:
    from train.evaluation.figures import Answers, Figures
    from train.evaluation.report.grammar import Json

STRIP_LIMIT = 200  # of the misclassified samples; all_samples.json has them all


def build_results(answers: Answers, figures: Figures) -> Json:
    """Build the content of `model_analysis_results.json`."""
    return {language: _in_language(answers, figures, Voice(language)) for language in LANGUAGES}


def sample(answers: Answers, index: int) -> Json:
    """Describe a photo in the format of the misclassified samples."""

    def label(class_index: int) -> list[Json]:
        return [{"name": answers.class_names[class_index], "type": 0, "property": {}}]

    return {
        "labels": label(int(answers.labels[index])),
        "predict_labels": label(int(answers.predicted[index])),
        "score": f"{answers.confidence[index]:.3f}",
        "data_info": answers.samples[index],
    }


def _in_language(answers: Answers, figures: Figures, voice: Voice) -> Json:
    advice = "\n".join(advise(answers, figures, voice))
    sections: Json = {name: {} for name in SECTIONS}
    sections["common"] = {
        "advice": operator(voice.say("titles", "advice"), advice),
        "class_distribution": operators.class_distribution(figures, voice),
        "about": operators.about(answers, voice),
    }
    sections["precision_performance"] = {
        "accuracy": operators.accuracy(figures, voice),
        "confusion_matrix": operators.confusion_matrix(figures, voice),
        "per_class": operators.per_class(figures, voice),
        "roc": operators.roc(answers, figures, voice),
        "precision_recall": operators.precision_recall(answers, figures, voice),
        "reliability": operators.reliability(figures, voice),
        STRIP: [sample(answers, int(index)) for index in answers.mistakes()[:STRIP_LIMIT]],
    }
    sections["feature_sensitivity"] = {
        name: operators.sensitivity(name, found, answers, voice)
        for name, found in figures.sensitivity.items()
    }
    return sections
