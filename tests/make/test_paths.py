"""Every target hands on a path as it was written, and refuses what cannot work at once."""

from __future__ import annotations

import re
import shlex
import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from archive.sizes import AUTO
from classifier.runtimes import RUNTIMES
from client.api.addresses import LARGEST_PORT, LEAST_PORT
from server.profiles import PROFILES
from tests.e2e.served import ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WORST = """My Photos (2024)/it's [1] "quoted"; cost $5 & `more` #1.jpg"""
PATHS = ["WhatsApp Image 1.jpg", "~user/Bilder", "花/照片.jpg", "a'", "$(date)", "*.jpg"]
# Of each target, the variables that name places, and the option that each goes to.
TARGETS = {
    "serve": {
        "RUN_DIR": "--run-dir",
        "IMAGE": "--example",
        "TLS_CERT": "--tls-certificate",
        "TLS_KEY": "--tls-key",
        "TRAIN_URL": "--model",
        "DATA_URL": "--data-url",
    },
    "stop": {"RUN_DIR": "--run-dir"},
    "predict": {"RUN_DIR": "--run-dir", "IMAGE": "--"},
    "token": {"RUN_DIR": "--run-dir"},
    "scale": {"RUN_DIR": "--run-dir"},
    "autoscale": {"RUN_DIR": "--run-dir"},
    "deploy": {"RUN_DIR": "--run-dir", "PHOTOS": "--samples", "TRAIN_URL": "--model"},
    "rollback": {"RUN_DIR": "--run-dir", "IMAGE": "--samples"},
    "score": {"INPUT": "--input", "OUTPUT": "--output"},
    "status": {"RUN_DIR": "--run-dir"},
    "logs": {"RUN_DIR": "--run-dir"},
    "ui": {"RUN_DIR": "--run-dir", "COMPARE_RUN_DIR": "--compare-run-dir"},
    "data": {"DATA_URL": "--data_url", "SOURCE": "--source"},
    "train": {
        "DATA_URL": "--data_url",
        "TRAIN_URL": "--train_url",
        "EVAL_URL": "--eval_url",
        "RECIPE": "--recipe",
    },
    "evaluate": {"DATA_URL": "--data_url", "TRAIN_URL": "--train_url", "EVAL_URL": "--eval_url"},
    "modelarts": {"TRAIN_URL": "--model", "DATA_URL": "--data-url", "MODELARTS_URL": "--output"},
    "import": {
        "TRAIN_URL": "--train-url",
        "WEIGHTS": "--weights",
        "LABELS": "--labels",
        "DATA_URL": "--data-url",
    },
    "bench": {"TRAIN_URL": "--model", "PHOTOS": "--photos", "DATA_URL": "--data-url"},
    "tune": {"TRAIN_URL": "--model", "PHOTOS": "--photos"},
    "quality": {"RUN_DIR": "--run-dir", "DATA_URL": "--data-url"},
    "faults": {"PHOTOS": "--photos"},
    "floods": {"PHOTOS": "--photos"},
    "soak": {"PHOTOS": "--photos"},
}
NEEDED = ["VERSION=2.0", "WORKERS=1", "WEIGHTS=w.pth", "INPUT=photos", "OUTPUT=scores"]
# Of what names no place, or only folders of our own.
WITHOUT_PATHS = {"archive", "check", "clean", "fuzz", "help", "lock", "restart", "stubs", "test"}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        # A dry run still runs the lines that call `make` again: they do nothing here.
        ["make", "--dry-run", "PY=:", "MAKE=:", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def words_of(recipe: str) -> list[list[str]]:
    """Return the words of each command, as a shell reads them."""
    joined = recipe.replace("\\\n", " ")
    return [shlex.split(line) for line in joined.splitlines() if re.search(r"-m \w", line)]


def values(recipe: str, option: str) -> set[str]:
    pairs = [pair for words in words_of(recipe) for pair in pairwise(words)]
    return {value for name, value in pairs if name == option}


def test_every_target_is_looked_at() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^([a-z-]+):.* ## ", makefile, re.MULTILINE))
    assert named == TARGETS.keys() | WITHOUT_PATHS


@pytest.mark.parametrize("target", TARGETS)
def test_every_path_is_handed_on_as_it_was_written(target: str) -> None:
    variables = TARGETS[target]
    process = make(target, *NEEDED, *(f"{name}={name} {WORST}" for name in variables))
    assert process.returncode == 0, process.stderr
    for name, option in variables.items():
        assert f"{name} {WORST}" in values(process.stdout, option), name


@pytest.mark.parametrize("path", PATHS)
def test_a_path_means_itself(path: str) -> None:
    assert values(make("data", f"SOURCE={path}").stdout, "--source") == {path}


def test_variables_of_the_environment_are_handed_on_likewise() -> None:
    process = subprocess.run(
        ["make", "--dry-run", "PY=:", "data"],
        cwd=ROOT,
        env=clean_environment() | {"SOURCE": WORST},
        capture_output=True,
        text=True,
        check=True,
    )
    assert values(process.stdout, "--source") == {WORST}


def test_a_home_folder_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    recipe = make("data", "SOURCE=~/My Photos").stdout
    (line,) = (line for line in recipe.splitlines() if "--source" in line)
    said = subprocess.run(
        ["sh", "-c", f"printf '%s' {line.partition('--source ')[2]}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "/home/somebody/My Photos"


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("PORT=9103x", "expected a whole number from 1024 to 65529"),
        ("PORT=", "expected a whole number from 1024 to 65529"),
        ("PORT=80", "expected a whole number from 1024 to 65529"),
        (f"PORT={LARGEST_PORT + 1}", f"from {LEAST_PORT} to {LARGEST_PORT}"),
        (f"PORT={10**30}", "expected a whole number from 1024 to 65529"),
        ("UI_PORT=1023", "expected a whole number from 1024 to 65535"),
        ("UI_PORT=65536", "expected a whole number from 1024 to 65535"),
        ("WORKERS=two", "expected a whole number from 1"),
        ("WORKERS=0", "expected a whole number from 1"),
        ("WORKERS=1.5", "expected a whole number from 1"),
        ("MIN=0", "expected a whole number from 1"),
        ("MAX=-1", "expected a whole number from 1"),
        ("FUZZ_REQUESTS=$(date)", "expected a whole number from 1"),
        ("P99_MS=fast", "expected a number above 0"),
        ("P99_MS=0.0", "expected a number above 0"),
        ("TARGET_QUEUE_MS=-5", "expected a number above 0"),
        ("MODEL_API=0", "expected 1; leave it out for no"),
        ("ALLOW_ROOT=no", "expected 1; leave it out for no"),
        ("PROFILE=prod", "expected one of development production"),
        ("RUNTIME=int8", "expected one of auto openvino-int8 openvino-bf16"),
        ("RUNTIME=", "expected one of auto"),
        ("RUNTIME=openvino-int8 x", "expected one of auto"),
        ("TORCH_INDEX=...", "expected the address that pytorch.org names for CPU"),
        ("PROT=9105", "there is no option PROT, see `make help`"),
        ("port=9105", "there is no option port, see `make help`"),
        ("it's=1", "there is no option it's, see `make help`"),
        ("IMAGE=", "expected a value; leave it out for the default"),
        ("SOURCE=", "expected a value; leave it out for the default"),
        ("RUN_DIR=", "expected a value; leave it out for the default"),
        ("MODEL_NAME=my flowers", "such as my_flowers"),
        ("MODEL_NAME=-flowers", "such as my_flowers"),
        ("VERSION=2 0", "expected a version such as 2.0"),
        ("MODEL_STORE=my store", "expected a folder without blanks"),
        ("BUILD_DIR=build(1)", "expected a folder without blanks"),
    ],
)
def test_what_cannot_work_is_one_line_at_once(variable: str, told: str) -> None:
    process = make("serve", variable)
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1
    assert f"{variable}: " in process.stderr
    assert told in process.stderr


@pytest.mark.parametrize(
    ("target", "variable", "option"),
    [
        ("serve", f"PORT={LEAST_PORT}", "--port"),
        ("stop", f"PORT={LARGEST_PORT}", "--port"),
        ("ui", "UI_PORT=65535", "--page-port"),
        ("autoscale", "MAX=08", "--max"),
        ("tune", "P99_MS=12.5", "--p99-ms"),
        ("scale", "WORKERS=0", "--model"),
        ("serve", "PROFILE=production", "--profile"),
    ],
)
def test_what_can_work_is_handed_on(target: str, variable: str, option: str) -> None:
    process = make(target, variable)
    assert process.returncode == 0, process.stderr
    words = words_of(process.stdout)[-1]
    value = variable.partition("=")[2]
    assert value in words[words.index(option) :]


@pytest.mark.parametrize(
    ("variable", "choices"), [("PROFILE", PROFILES), ("RUNTIME", (AUTO, *RUNTIMES))]
)
def test_choices_are_those_of_the_programs(variable: str, choices: Sequence[str]) -> None:
    """Make refuses before there is an environment, so it has lists of its own."""
    told = make("serve", f"{variable}=?").stderr
    assert told.strip().endswith(f"expected one of {' '.join(choices)}.  Stop.")


def test_options_of_another_make_that_calls_this_one_may_be_its_own() -> None:
    process = subprocess.run(
        ["make", "--dry-run", "PY=:", "PROT=9105", "stop"],
        cwd=ROOT,
        env=clean_environment() | {"MAKELEVEL": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr


def test_a_run_folder_too_long_for_a_socket_is_refused_before_the_build(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    process = subprocess.run(
        [
            "make",
            "serve",
            f"RUN_DIR={folder}",
            f"MODEL_STORE={tmp_path}/store",
            "RUNTIME=torch-fp32",
        ],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert "bytes too long for the Unix sockets" in process.stderr
    assert process.stdout == ""
    assert not (tmp_path / "store").exists()
    assert not folder.exists()
