"""Every block of code in the documentation: its language, and how it is checked.

Commands are parsed by bash, by the Makefile and by the programs that they start; what is cheap and
needs nothing is run. `tests.docs.test_commands` checks targets, variables and options by name, in
running text as well.
"""

from __future__ import annotations

import json
import re
import shlex
import stat
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest
from torch.distributed.run import get_args_parser

from tests.docs.pages import CODE, PAGES, ROOT, blocks, name_of
from tests.docs.test_commands import commands_of, help_of
from tests.docs.test_links import SOURCES
from tests.e2e.served import clean_environment
from tests.ui.fake_server import FakeModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHELLS = {"bash", "console", "sh", "shell"}
# How the blocks of the other languages are checked.
LANGUAGES = {
    "javascript": "tests.docs.test_api_code runs it",
    "json": "parsed here",
    "mv": "moves what was downloaded or built",
    "nginx": "tests.e2e.test_old_clients runs it",
    "python": "tests.docs.test_commands imports what it does, tests.docs.test_api_code runs most",
    "text": "no code: trees, formulas, requests, logs",
    "toml": "parsed here",
}
# Parsed here with all their arguments: by make without running a recipe, or by their own parsers.
PARSED = {"make", "python", "torchrun"}
# Parsed by bash alone, with the files that they name; and why they are not run.
NOT_RUN = {
    "apt-get": "changes the machine",
    "cp": "run below where it copies what is here; else from a package that was downloaded",
    "curl": "run below where it asks the server in run/; else a machine of the reader's",
    "export": "names a bucket of the reader's",
    "git": "changes the checkout",
    "kubectl": "needs a cluster; tests.deploy checks what it applies",
    "mv": "moves what was downloaded or built",
    "nginx": "tests.e2e.test_old_clients runs it",
    "openssl": "run below",
    "pip": "downloads",
    "pipx": "downloads",
    "podman": "builds an image for minutes; tests.deploy.test_image checks its parts",
    "prometheus": "a server; tests.e2e.test_scrape runs it",
    "pytest": "starts TorchServe; the tests themselves run it",
    "set": "the shell's own",
    "su": "needs a second user",
    "tar": "needs a package that was downloaded",
    "umask": "the shell's own",
    "unzip": "needs a package that was downloaded",
    "useradd": "changes the machine",
    "cat": "reads a key of the reader's",
    "echo": "harmless",
    "base64": "reads a key of the reader's",
}
_INNER = re.compile(r"\$\(([^()]*)\)")
_ASSIGNED = re.compile(r"[A-Z_]+=.*", re.DOTALL)
_ENDS = {";", "&&", "||", "|", "&", "(", ")"}


def shell_blocks(page: Path) -> Iterator[str]:
    """Yield the commands of each shell block: without prompts, and without what was answered."""
    for language, text in CODE.findall(page.read_text(encoding="utf-8")):
        if language == "console":
            yield "".join(f"{line[2:]}\n" for line in text.splitlines() if line.startswith("$ "))
        elif language in SHELLS:
            yield text


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each single command, those in `$(...)` first."""
    while inner := _INNER.search(text):
        yield from commands(inner[1])
        text = text.replace(inner[0], "X")
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
        lexer.whitespace_split = True
        command: list[str] = []
        words = iter(lexer)
        for word in words:
            if word in _ENDS:
                yield from filter(None, [command])
                command = []
            elif set(word) <= {"<", ">"}:
                next(words)
            elif command or not _ASSIGNED.fullmatch(word):
                command.append(word)
        yield from filter(None, [command])


COMMANDS = sorted(
    {tuple(c) for page in PAGES for text in shell_blocks(page) for c in commands(text)}
)


def program(command: tuple[str, ...]) -> str:
    return command[0].rpartition("/")[2]


def of(name: str) -> list[tuple[str, ...]]:
    return [command for command in COMMANDS if program(command) == name]


def run(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment() | variables
    shell = ["bash", "-euc", command]
    return subprocess.run(
        shell, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_its_language(page: Path) -> None:
    found = {language for language, _ in CODE.findall(page.read_text(encoding="utf-8"))}
    assert found <= SHELLS | LANGUAGES.keys()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_data_parse(page: Path) -> None:
    for block in blocks(page, "json"):
        json.loads(block.replace(", ...", ""))  # what is left out
    for block in blocks(page, "toml"):
        tomllib.loads(block)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_bash_understands_every_block(page: Path) -> None:
    for block in shell_blocks(page):
        done = subprocess.run(
            ["bash", "-n"], input=block, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + block


def test_every_program_is_parsed_or_has_a_reason() -> None:
    assert {program(command) for command in COMMANDS} == PARSED | NOT_RUN.keys()


@pytest.mark.parametrize("command", of("make"), ids=shlex.join)
def test_make_accepts(command: tuple[str, ...]) -> None:
    # Without a recipe: neither Python nor another make runs.
    done = subprocess.run(
        ["make", "-n", "PY=:", "MAKE=:", *command[1:]],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [*of("python"), *of("torchrun")], ids=shlex.join)
def test_a_program_accepts_its_arguments(command: tuple[str, ...]) -> None:
    place = command.index("-m")
    if program(command) == "torchrun":
        get_args_parser().parse_args(command[1:])
    module, *rest = command[place + 1 :]
    assert help_of(module, *rest)  # it reads what stands before its --help
    known = commands_of(module)
    assert not known or rest[0] in known


def test_the_files_of_this_repository_are_there() -> None:
    for command in COMMANDS:
        for word in command[1:]:
            name = re.split(r"[=@]", word)[-1]
            if "/" in name and name.partition("/")[0] in SOURCES:
                assert (ROOT / name).exists(), shlex.join(command)


def test_the_first_requests(tmp_path: Path) -> None:
    asked = [
        text
        for name in ("README.md", "docs/api.md")
        for text in shell_blocks(ROOT / name)
        if "curl" in text
    ]
    assert len(asked) == 2
    (tmp_path / "docs").mkdir()
    for name in ("photo.jpg", "docs/sunflower.png"):
        (tmp_path / name).write_bytes(b"\x89PNG and more")
    stub = 'make() { if [ "$*" = "-s token" ]; then echo a-key; fi; };'
    with FakeModel().serving() as port:
        for text in asked:
            done = run(stub + text.replace(":8080", f":{port}"), tmp_path)
            assert done.returncode == 0, done.stderr
            assert list(json.loads(done.stdout)) == list(FakeModel().scores_of(b"\x89PNG and more"))


def test_one_more_client(tmp_path: Path) -> None:
    (text,) = [text for text in shell_blocks(ROOT / "docs/security.md") if "openssl" in text]
    (tmp_path / "run/clients").mkdir(parents=True)
    assert run("make() { :; };" + text, tmp_path).returncode == 0
    key = tmp_path / "run/clients/shop"
    assert re.fullmatch(r"[0-9a-f]{64}\n", key.read_text())
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_corrected_photos_join_the_data_set(tmp_path: Path) -> None:
    (text,) = [text for text in shell_blocks(ROOT / "docs/ui.md") if "corrections" in text]
    for folder in ("corrections/daisy", "data_set/train/daisy"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "corrections/daisy/1.jpg").write_bytes(b"photo")
    assert run("make() { echo $*; };" + text, tmp_path).stdout == "train\n"
    assert (tmp_path / "data_set/train/daisy/1.jpg").exists()
