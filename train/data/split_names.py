"""How people call the folders and tables of training, validation and test photos."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "eval"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
# `seg_train`, `training_set`, `train2017`: the word, and the rest that such folders share.
_FORM = re.compile(
    rf"(?:(?P<before>.+)[_\-. ])?(?P<word>{'|'.join(sorted(_WORDS, key=len, reverse=True))})"
    r"(?P<after>[_\-. ].+|\d+)?"
)


def split_of(name: str) -> str | None:
    """Return the split that a plain name means, such as "val" for "Validation"; else None."""
    return _WORDS.get(name.strip().casefold())


def splits_among(names: Iterable[str]) -> dict[str, list[str]]:
    """Return which of the names that stand side by side mean which split: train, val, test.

    A plain word always does. One with something before or after it, such as "seg_train", does if
    others are called the same but for the word, "train" among them.
    """
    by_rest: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in names:
        if match := _FORM.fullmatch(name.strip().casefold()):
            rest = (match["before"] or "", match["after"] or "")
            by_rest[rest][_WORDS[match["word"]]].append(name)
    plain = by_rest.pop(("", ""), {})
    if plain:
        return _ordered(plain)
    sets = [splits for splits in by_rest.values() if "train" in splits and len(splits) > 1]
    return _ordered(sets[0]) if len(sets) == 1 else {}


def _ordered(splits: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {split: splits[split] for split in dict.fromkeys(_WORDS.values()) if split in splits}
