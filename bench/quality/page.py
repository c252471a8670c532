"""The figures of `make quality` as a page: accuracy under damage, calibration, rejection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.tables import table
from train.markdown import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

UNHARMED = "as they are"
SIMILARITY, CONFIDENCE = "similarity", "confidence"
# The scores for rejecting a picture, the handler's preferred one first, and the field of its
# threshold in `model.json`.
THRESHOLDS = {SIMILARITY: "similarity_below", CONFIDENCE: "reject_below"}
_MEANING = {
    SIMILARITY: "cosine of the features to the nearest class mean",
    CONFIDENCE: "best probability",
}


def markdown(content: Mapping[str, Any]) -> str:
    """Format the figures; `content` is the JSON file's."""
    conditions, perfect = content["conditions"], content["calibration_error_if_perfect"]
    served = next((score for score in THRESHOLDS if score in content["below"]), None)
    rows = [
        (
            name,
            percent(figures["accuracy"]),
            "{} to {}".format(*map(percent, figures["accuracy_ci95"])),
            f"{figures['calibration_error']:.3f}",
            percent(figures["rejected"][served]) if served else "-",
        )
        for name, figures in conditions.items()
    ]
    header = ("photos", "accuracy", "95 % interval", "calibration error", "rejected")
    images = conditions[UNHARMED]["images"]
    by_chance = "{mean:.3f} on average, {p10:.3f} to {p90:.3f} in 80 % of draws".format(**perfect)
    return f"""# Quality of the served model

Measured by `make quality` through a server (`{content["runtime"]}`), on {images} validation photos.
The weights have the SHA-256 `{content["weights_sha256"][:16]}...`.
The calibration error is the expected calibration error over 15 bins, 0 to 1.
With so few photos, even a perfectly calibrated model shows an error: {by_chance}.
This was found by drawing classes from the probabilities.

{table(header, rows)}{_rejection(content, served) if served else ""}"""


def _rejection(content: Mapping[str, Any], served: str) -> str:
    """Compare the scores for rejecting a picture."""
    others, known = content["others"], content["conditions"][UNHARMED]["rejected"]
    rows = [
        (
            _MEANING[score],
            f"{below:.3f}",
            percent(known[score]),
            percent(content["others_rejected"][score]) if others else "-",
            f"{content['auroc'][score]:.3f}" if others else "-",
        )
        for score, below in content["below"].items()
    ]
    header = ("score", "rejected below", "validation photos", "other pictures", "area under ROC")
    text = f"""
## Pictures of none of the classes

The handler uses the first score.
Each threshold was fitted to reject 5 % of the validation photos, before quantisation.

{table(header, rows)}"""
    if not others:
        return text
    below = content["below"][served]
    missed = {name: scores[served] for name, scores in others.items() if scores[served] >= below}
    surest = sorted(missed, key=missed.__getitem__, reverse=True)
    named = ", ".join(f"{name} ({missed[name]:.2f})" for name in surest)
    return f"""{text}
Of {len(others)} pictures that show none of the classes, {len(others) - len(missed)} are rejected.
Not rejected, the highest score first: {named or "none"}.
"""
