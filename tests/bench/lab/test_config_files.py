"""Changing values in configuration files: only the values change."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
import yaml

from bench.lab.config_files import get_yaml_names, set_properties, set_yaml
from bench.lab.errors import Unusable
from server.properties import get_properties

CONFIG = Path(__file__).parents[3] / "config"
MODEL = (CONFIG / "model-config.yaml").read_text(encoding="utf-8")
PROPERTIES = (CONFIG / "config.properties").read_text(encoding="utf-8")


def changed_lines(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[2:] for line in lines if line.startswith("+ ")]


def test_values_change_and_comments_stay() -> None:
    text = set_yaml(MODEL, {"batchSize": 7, "handler.top_k": 3})
    assert yaml.safe_load(text)["batchSize"] == 7
    assert yaml.safe_load(text)["handler"]["top_k"] == 3
    assert len(changed_lines(MODEL, text)) == 2
    assert text.count("#") == MODEL.count("#")


def test_setting_what_is_there_changes_nothing() -> None:
    config = yaml.safe_load(MODEL)
    handler = {f"handler.{name}": value for name, value in config.pop("handler").items()}
    assert set_yaml(MODEL, config | handler) == MODEL
    assert set_properties(PROPERTIES, get_properties(PROPERTIES)) == PROPERTIES


def test_all_names_of_the_projects_file_are_found() -> None:
    config = yaml.safe_load(MODEL)
    handler = {f"handler.{name}" for name in config.pop("handler")}
    assert get_yaml_names(MODEL) == set(config) | handler


@pytest.mark.parametrize("name", ["batchsize", "top_k", "handler.batchSize"])
def test_a_value_that_is_not_there_is_an_error(name: str) -> None:
    with pytest.raises(Unusable, match=f"has no {name}"):
        set_yaml(MODEL, {name: 1})


def test_properties_change_in_place_and_new_ones_are_added() -> None:
    text = set_properties("# why\na=1\nb=-Xmx5m -XX:+A\n", {"b": r"-Xmx6m \1", "c": "x"})
    assert text == "# why\na=1\nb=-Xmx6m \\1\nc=x\n"
    assert get_properties(text) == {"a": "1", "b": r"-Xmx6m \1", "c": "x"}
