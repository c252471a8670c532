"""The section `handler:` of model-config.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from classifier.errors import ModelError
from classifier.settings import Settings

CONFIG = Path(__file__).parents[2] / "config" / "model-config.yaml"
NUMBERS = {
    "top_k": 5,
    "max_image_bytes": 1000,
    "max_image_pixels": 1000,
    "max_images_per_request": 4,
    "max_image_decode_s": 1,
    "max_request_decode_s": 10,
    "deadline_s": 9,
    "max_json_parts": 99,
    "decode_threads": 2,
}
VALID = NUMBERS | {"answer_cache_mib": 0, "reject_unknown": True}


def test_the_shipped_configuration_is_accepted() -> None:
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    settings = Settings.from_config(config)
    assert settings.top_k == config["handler"]["top_k"]


def test_each_setting_is_taken() -> None:
    assert Settings.from_config({"batchSize": 4, "handler": VALID}) == Settings(
        5, 1000, 1000, 4, 1, 10, 9, 99, 2, 0, reject_unknown=True
    )


@pytest.mark.parametrize("config", [None, {}, {"handler": None}, {"handler": [5]}])
def test_the_section_must_be_there(config: Any) -> None:
    with pytest.raises(ModelError, match="expected a section `handler:` with settings"):
        Settings.from_config(config)


@pytest.mark.parametrize("name", VALID)
def test_a_missing_setting_is_named(name: str) -> None:
    section = {key: value for key, value in VALID.items() if key != name}
    with pytest.raises(ModelError, match=f"handler.{name} is missing"):
        Settings.from_config({"handler": section})


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ModelError, match=r"handler\.topk is unknown"):
        Settings.from_config({"handler": VALID | {"topk": 5}})


@pytest.mark.parametrize("value", [0, -1, 2.5, "5", True, None, [5]])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_setting_is_a_whole_number_of_at_least_1(name: str, value: object) -> None:
    message = f"handler.{name} must be a whole number of at least 1, such as `{name}: 5`; found "
    with pytest.raises(ModelError, match=re.escape(f"{message}{value!r}")):
        Settings.from_config({"handler": VALID | {name: value}})


@pytest.mark.parametrize("value", [0, 1, "yes", None])
def test_a_switch_is_on_or_off(value: object) -> None:
    message = f"handler.reject_unknown must be true or false; found {value!r}"
    with pytest.raises(ModelError, match=re.escape(message)):
        Settings.from_config({"handler": VALID | {"reject_unknown": value}})


def test_one_image_may_not_cost_more_than_a_request() -> None:
    section = VALID | {"max_image_decode_s": 11}
    with pytest.raises(ModelError, match=r"max_image_decode_s \(11\) must be at most .*\(10\)"):
        Settings.from_config({"handler": section})


@pytest.mark.parametrize(("timeout_s", "is_accepted"), [(18, True), (17, False), (None, True)])
def test_the_deadline_leaves_time_before_the_worker_is_given_up(
    timeout_s: int | None, is_accepted: bool
) -> None:
    config = {"responseTimeout": timeout_s, "handler": VALID}
    if is_accepted:
        Settings.from_config(config)
        return
    with pytest.raises(ModelError, match=r"deadline_s \(9\) must be at most half of .*\(17\)"):
        Settings.from_config(config)
