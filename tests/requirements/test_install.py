"""uv uses pip's index; every pin has its hash; no list names an index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from requirements.install import PURPOSE, apart, uv_settings

ROOT = Path(__file__).parents[2]
LISTS = sorted((ROOT / "requirements").rglob("*.txt"))


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([\w.-]+==[^\s;]+)(.*)", text))


def test_pips_indexes_are_uvs() -> None:
    pip = {
        "index-url": "https://one.example/simple",
        "extra-index-url": "https://two.example/simple\nfile:///wheels/simple",
        "find-links": "/wheels /more",
        "cert": "/ca.pem",
        "disable-pip-version-check": "1",
    }
    assert uv_settings(pip, {}, set()) == {
        "UV_DEFAULT_INDEX": "https://one.example/simple",
        "UV_INDEX": "https://two.example/simple file:///wheels/simple",
        "UV_FIND_LINKS": "/wheels,/more",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_what_uv_was_told_stays(variable: str) -> None:
    pip = {"index-url": "https://one.example/simple"}
    assert not uv_settings(pip, {variable: "https://own.example/simple"}, set())
    assert not uv_settings(pip, {}, {"index-url"})


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_pin_has_a_hash_and_no_list_names_an_index(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("==")
    assert text.count(" \\\n    --hash=") >= text.count("\n    --hash=") > 0
    for line in text.splitlines():
        assert re.match(r"[\w.-]+==|    --hash=sha256:|#|    #", line), line
    assert len(re.findall(r"(?m)^[\w.-]+==", text)) == len(
        re.findall(r"==\S+.* \\\n +--hash", text)
    )


@pytest.mark.parametrize(("small", "large"), [("serve", "full"), ("full", "dev")])
def test_a_larger_environment_holds_the_smaller_one(small: str, large: str) -> None:
    assert pins(small).keys() <= pins(large).keys()


@pytest.mark.parametrize("name", ["full", "dev"])
def test_pytorch_can_come_from_an_index_of_its_own_without_cuda(name: str) -> None:
    torch, others = apart((ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8"))
    assert [pin.partition("==")[0] for pin in torch] == ["torch", "torchvision"]
    left = {pin.partition("==")[0] for pin in re.findall(r"(?m)^[\w.-]+==\S+", others)}
    gone = {pin.partition("==")[0] for pin in pins(name)} - left
    assert gone >= {"torch", "torchvision", "triton", "nvidia-cublas", "cuda-toolkit"}
    assert all(re.match(r"torch|triton|nvidia-|cuda-", package) for package in gone)
    assert {"torchserve", "torch-model-archiver", "numpy"} <= left


def test_serving_needs_no_pytorch() -> None:
    names = {pin.partition("==")[0] for pin in pins("serve")}
    assert not names & {"torch", "torchvision", "nncf", "scipy", "scikit-learn", "triton"}


def test_every_extra_and_group_has_its_list_and_its_size() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    environments = {"serve", *project["project"]["optional-dependencies"]}
    environments |= project["dependency-groups"].keys() - {"uv"}
    assert environments == PURPOSE.keys()
    assert environments | {"uv"} == {path.stem for path in LISTS if path.parent.name != "bench"}
