"""The architecture: which package may import which, checked in the sources."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ROOT = Path(__file__).parents[1]
# What of this project each part may import besides itself; the arrows point one way.
MAY_IMPORT = {
    "certainty": set(),
    "classifier": set(),
    "client": {"storage"},  # on demand, for inputs in buckets; see client/commands/inputs.py
    "console": set(),
    "score": {"archive", "classifier", "console", "storage"},
    "storage": {"console"},
    "resnet_handler": {"classifier"},
    "train": {"certainty", "classifier", "console", "storage"},
    "archive": {"certainty", "classifier", "console", "storage", "train"},
    "server": {"classifier", "client", "console", "storage"},
    "ui": {"certainty", "client"},
    "bench": {"archive", "classifier", "client", "console", "server", "storage", "train"},
}
HANDLER = ROOT / "handler"
FOLDERS = {
    "classifier": HANDLER / "classifier",
    "resnet_handler": HANDLER / "resnet_handler.py",
    **{path.parent.name: path.parent for path in ROOT.glob("*/__init__.py")},
}
# The only modules that know TorchServe: the handler, and the probe that loads it as a worker does.
KNOW_TORCHSERVE = {HANDLER / "resnet_handler.py", ROOT / "archive" / "probe.py"}
HEAVY = {"torch", "torchvision", "numpy", "PIL", "openvino", "nncf", "matplotlib", "sklearn"}


def sources(folder: Path) -> list[Path]:
    return [folder] if folder.is_file() else sorted(folder.rglob("*.py"))


PARTS = sorted(FOLDERS.keys() - {"tests"})
SHIPPED = [path for part in PARTS if part != "bench" for path in sources(FOLDERS[part])]
ALL_SOURCES = [path for folder in FOLDERS.values() for path in sources(folder)]


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted name of every import in a file, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the import in full"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def packages(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_part_has_its_rule() -> None:
    assert {"archive", "classifier", "client", "resnet_handler", "server", "train"} <= set(PARTS)
    assert set(PARTS) <= set(MAY_IMPORT)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_only_what_it_may(part: str) -> None:
    for path in sources(FOLDERS[part]):
        others = packages(path) & MAY_IMPORT.keys() - {part}
        assert others <= MAY_IMPORT[part], name_of(path)


def test_only_the_handler_and_the_probe_know_torchserve() -> None:
    assert {path for path in SHIPPED if "ts" in packages(path)} == KNOW_TORCHSERVE


def test_the_client_needs_nothing_heavy() -> None:
    for path in sources(FOLDERS["client"]):
        assert not packages(path) & HEAVY, name_of(path)


def test_the_page_needs_nothing_of_the_server() -> None:
    for path in sources(FOLDERS["ui"]):
        assert not packages(path) & (HEAVY - {"numpy", "PIL"}), name_of(path)


def test_nobody_imports_the_classifier_by_another_name() -> None:
    for path in ALL_SOURCES:
        assert "handler" not in packages(path), name_of(path)


def test_nobody_changes_the_import_path() -> None:
    for path in ALL_SOURCES:
        assert not {"sys.path", "site"} & set(imported(path)), name_of(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names_it = isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"
            assert not names_it, f"{name_of(path)}:{getattr(node, 'lineno', 0)}"


def test_the_root_of_the_archive_holds_python_only() -> None:
    files = [path for path in HANDLER.rglob("*") if path.is_file()]
    assert {path.suffix for path in files if "__pycache__" not in path.parts} == {".py"}
    assert {path.name for path in HANDLER.iterdir()} - {"__pycache__"} == {
        "classifier",
        "resnet_handler.py",
    }


def test_no_module_imports_itself_through_others() -> None:
    modules = {module_of(path): path for path in ALL_SOURCES}
    graph = {name: modules_named(path, modules.keys()) - {name} for name, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # It is given from the imported to the importing one.
        pytest.fail(f"a circle of imports: {' -> '.join(reversed(error.args[1]))}")


def module_of(path: Path) -> str:
    """Return the name that a file is imported by."""
    root = HANDLER if HANDLER in path.parents else ROOT
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_named(path: Path, known: Collection[str]) -> set[str]:
    """Return which known modules a file imports, for types alone or inside a function too."""
    named = imported(path)
    return {name if name in known else name.rpartition(".")[0] for name in named} & set(known)
