"""Both languages say the same: the same keys, the same values to fill in."""

from __future__ import annotations

import string

import pytest

from train.evaluation.features import FEATURES
from train.evaluation.report.grammar import LANGUAGES, SECTIONS
from train.evaluation.report.texts import Voice, catalogue

TEXTS = [(group, key) for group, texts in catalogue().items() for key in texts]


@pytest.mark.parametrize(("group", "key"), TEXTS)
def test_both_languages_are_there_and_fill_in_the_same(group: str, key: str) -> None:
    texts = catalogue()[group][key]
    assert tuple(texts) == LANGUAGES
    names = [
        {name for _, name, _, _ in string.Formatter().parse(text) if name}
        for text in texts.values()
    ]
    assert names[0] == names[1]
    assert all(texts.values())


def test_every_section_and_feature_has_its_texts() -> None:
    assert set(catalogue()["sections"]) == set(SECTIONS)
    for group in ("measured", "remedies"):
        assert set(catalogue()[group]) == set(FEATURES)
    assert set(FEATURES) <= set(catalogue()["labels"])


def test_names_with_braces_are_left_alone() -> None:
    text = Voice("en-us").say("influence", "large", p="0.001", name="{p} {0}")
    assert text.endswith("is {p} {0}.")
    assert Voice("zh-cn").label("no such key {") == "no such key {"
