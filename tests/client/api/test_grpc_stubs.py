"""The generated stubs match TorchServe's own interface and the pinned tool."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "client" / "api" / "grpc_stubs"
PROTOS = sorted(FOLDER.glob("*.proto"))


def folder_of(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations)))


@pytest.mark.parametrize("proto", PROTOS, ids=lambda path: path.stem)
def test_the_interface_is_that_of_the_server(proto: Path) -> None:
    (jar,) = (folder_of("ts") / "frontend").glob("*.jar")
    with zipfile.ZipFile(jar) as archive:
        assert archive.read(f"proto/{proto.name}") == proto.read_bytes()


def test_the_stubs_are_what_protoc_makes_of_it(tmp_path: Path) -> None:
    names = [str(proto.relative_to(ROOT)) for proto in PROTOS]
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "-I."),
            *(f"-I{folder_of('grpc_tools')}/_proto", f"-I{folder_of('google.rpc')}/../.."),
            *(f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")),
            *names,
        ],
        cwd=ROOT,
        check=True,
    )
    made = {path.name: path for path in (tmp_path / "client" / "api" / "grpc_stubs").iterdir()}
    assert made.keys() == {path.name for path in FOLDER.glob("*_pb2*.py*")}
    for name, path in made.items():
        assert path.read_text() == (FOLDER / name).read_text(), f"{name}: run `make stubs`"
