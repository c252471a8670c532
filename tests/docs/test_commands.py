"""The commands in the documentation exist, with the targets, variables and options they name."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import re
import runpy
import sys
import warnings
from functools import cache
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, command_lines, inline_code, name_of

if TYPE_CHECKING:
    from pathlib import Path

_MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(CLIENT)", "-m client")
# The two commands that are also asked beforehand.
for _name in ("START", "DEPLOY"):
    _command = re.search(rf"^{_name} = ((?:.*\\\n)*.*\n)", _MAKEFILE, re.MULTILINE)
    assert _command
    _MAKEFILE = _MAKEFILE.replace(f"$({_name})", _command[1].replace("\\\n", " ").strip())
_TARGETS = set(re.findall(r"^([a-z-]+):.* ## ", _MAKEFILE, re.MULTILINE))
_VARIABLES = set(re.findall(r"\$\((?:call (?:quoted|option,[\w-]+),)?([A-Z_0-9]+)[):]", _MAKEFILE))
_WORD = r"""-s|[a-z]+|[A-Z_0-9]+=(?:"[^"]*"|'[^']*'|[^\s)]+)"""
_MAKE = re.compile(rf"(?:^|\$\(|&& )make((?: +(?:{_WORD}))+)")
_MODULE = re.compile(r"(?:python|torchrun .*?) -m ([a-z_.]+)([^`|&]*)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
_PROGRAM = re.compile(r"^if __name__ == .__main__.:$", re.MULTILINE)
# Every module with a command line of its own; the lab's and peers' are started by others.
_MODULES = {
    path.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__main__").replace("/", ".")
    for package in ROOT.glob("*/__init__.py")
    for path in package.parent.rglob("*.py")
    if package.parent.name != "tests"
    if "argparse" in (text := path.read_text(encoding="utf-8")) and _PROGRAM.search(text)
} | {"client"}
# Of others, in backticks: options of curl's and ModelArts', variables of Java's, OpenMP's
# and the C library's.
_FOREIGN = {"--data-binary", "--num_gpus", "JAVA_HOME", "LC_ALL", "OMP_NUM_THREADS"}


@cache
def help_of(*command: str) -> str:
    """Return what a module, or one of its commands, answers to `--help`."""
    arguments = mock.patch.object(sys, "argv", [*command, "--help"])
    text = io.StringIO()
    with (
        arguments,
        contextlib.redirect_stdout(text),
        warnings.catch_warnings(action="ignore"),  # that it was imported before
        pytest.raises(SystemExit) as ended,
    ):
        runpy.run_module(command[0], run_name="__main__")
    assert ended.value.code == 0
    return text.getvalue()


@cache
def options_of(*command: str) -> frozenset[str]:
    return frozenset(re.findall(r"^ +(?:-\w, )?(--[\w-]+)", help_of(*command), re.MULTILINE))


@cache
def commands_of(module: str) -> frozenset[str]:
    listed = re.search(r"^  COMMAND\n((?:    .*\n)+)", help_of(module), re.MULTILINE)
    return (
        frozenset(re.findall(r"^    ([a-z-]+)", listed[1], re.MULTILINE)) if listed else frozenset()
    )


def options_of_target(target: str) -> frozenset[str] | None:
    """Return the options of the command that a target's `ARGS` go to; None for a foreign one."""
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", _MAKEFILE, re.MULTILINE)
    assert recipe, target
    called = re.findall(r"-m ([a-z_.]+)(?: ([a-z]+))?", recipe[1])
    return options_of(*filter(None, called[-1])) if called else None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_has_the_targets_variables_and_options(page: Path) -> None:
    for line in command_lines(page):
        for words in _MAKE.findall(line):
            found = re.findall(_WORD, words)
            targets = [word for word in found if "=" not in word and word != "-s"]
            assert set(targets) <= _TARGETS, line
            for word in found:
                name, _, value = word.partition("=")
                assert not value or name in _VARIABLES, line
                if name == "ARGS" and (known := options_of_target(targets[-1])) is not None:
                    assert set(_OPTION.findall(value)) <= known, line


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_modules_have_the_commands_and_options(page: Path) -> None:
    for line in command_lines(page):
        for module, rest in _MODULE.findall(line):
            assert module in _MODULES, line
            command = [module]
            if (commands := commands_of(module)) and (words := rest.split()):
                assert words[0] in commands, line
                command.append(words[0])
            assert set(_OPTION.findall(rest)) <= options_of(*command), line


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_options_and_settings_in_backticks_exist(page: Path) -> None:
    known = _FOREIGN | {
        option
        for module in _MODULES
        for command in ("", *commands_of(module))
        for option in options_of(*filter(None, (module, command)))
    }
    for code in inline_code(page):
        if code.startswith("--"):
            assert code.partition(" ")[0].partition("=")[0] in known, code
        if setting := re.match(r"([A-Z_0-9]+)=\S", code):
            assert setting[1] in _VARIABLES | _FOREIGN, code


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_imports_what_there_is(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, name.name) for name in node.names), ast.unparse(node)


def test_every_target_is_told_of() -> None:
    told = {word for page in PAGES for line in command_lines(page) for word in _words(line)}
    assert told >= _TARGETS


def _words(line: str) -> set[str]:
    return {word for words in _MAKE.findall(line) for word in re.findall(_WORD, words)}
