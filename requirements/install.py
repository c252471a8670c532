"""Installs a pinned list into an environment with uv; `make` runs it before everything else.

    .venv/bin/python requirements/install.py serve      into this environment, which only grows
    .venv/bin/python requirements/install.py ui --into .venv-ui
    .venv/bin/python requirements/install.py score --into .venv-score --over

`--over` installs the packages on top of this environment, which provides everything else.
Needs only the standard library, and uv and pip beside this interpreter.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path

LISTS = Path(__file__).resolve().parent
ROOT = LISTS.parent
UV = Path(sys.prefix) / "bin" / "uv"
# The lists for this environment, each including those before it, and their stamp files for `make`.
STAMPS = {"serve": "installed", "full": "installed-full", "dev": "installed-dev"}
# The purpose, and the size in MB on x86-64 Linux.
PURPOSE = {
    "serve": ("what serving needs", 580),
    "full": ("PyTorch, to train, import, evaluate and quantise", 6550),
    "dev": ("PyTorch, and what the tests need", 6750),
    "ui": ("the page", 420),
    "score": ("Ray and Arrow", 560),
}
# uv's variable for each of pip's settings, and the names in uv.toml that override it.
_SETTINGS = {
    "index-url": ("UV_DEFAULT_INDEX", {"index", "index-url"}),
    "extra-index-url": ("UV_INDEX", {"index", "extra-index-url"}),
    "find-links": ("UV_FIND_LINKS", {"find-links"}),
    "no-index": ("UV_NO_INDEX", {"no-index"}),
    "trusted-host": ("UV_INSECURE_HOST", {"allow-insecure-host"}),
    "proxy": ("ALL_PROXY", {"https-proxy"}),
    "cert": ("SSL_CERT_FILE", set()),
    "timeout": ("UV_HTTP_TIMEOUT", set()),
    "default-timeout": ("UV_HTTP_TIMEOUT", set()),
}
_OTHER_PLACES = {"UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX"}
_SAME_AS = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}


def main() -> int:
    """Install a list; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("list", help="a file of requirements/, without its .txt")
    parser.add_argument("--into", type=Path, default=Path(sys.prefix), help="the environment")
    parser.add_argument("--over", action="store_true", help="on top of this environment")
    options = parser.parse_args()
    environment = os.environ | uv_settings(pip_config(), os.environ, uv_names())
    try:
        if options.into.resolve() == Path(sys.prefix).resolve():
            _grow(options.list, environment)
        else:
            _make(options.list, options.into, environment, over=options.over)
    except subprocess.CalledProcessError as error:
        print(
            f"error: {options.list}.txt is not installed: uv ended with {error.returncode}",
            file=sys.stderr,
        )
        return 1
    return 0


def _grow(name: str, environment: dict[str, str]) -> None:
    """Install `name` into this environment, or a larger list that is installed already."""
    order = list(STAMPS)
    there = [each for each in order if (Path(sys.prefix) / STAMPS[each]).exists()]
    name = max([name, *there], key=order.index)
    _sync(name, Path(sys.prefix), environment)
    editable = ("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    _uv("install", Path(sys.prefix), environment, "--quiet", *editable)
    for smaller in order[: order.index(name) + 1]:
        (Path(sys.prefix) / STAMPS[smaller]).touch()


def _make(name: str, folder: Path, environment: dict[str, str], *, over: bool) -> None:
    """Install `name` into a separate environment with this one's Python."""
    subprocess.run(  # noqa: S603  our own uv
        [UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder],
        env=environment,
        check=True,
    )
    _sync(name, folder, environment)
    if over:
        purelib = sysconfig.get_path("purelib")
        own = folder / Path(purelib).relative_to(sys.prefix)
        lines = (purelib, ROOT, ROOT / "handler")
        text = "".join(f"{line}\n" for line in lines)
        (own / "marigold.pth").write_text(text, encoding="utf-8")
    (folder / "installed").touch()


def _sync(name: str, folder: Path, environment: dict[str, str]) -> None:
    requirements = LISTS / f"{name}.txt"
    packages = len(re.findall(r"(?m)^[\w.-]+==", requirements.read_text(encoding="utf-8")))
    purpose, megabytes = PURPOSE.get(name, (name, 0))
    size = f", about {megabytes} MB" if megabytes else ""
    index = environment.get("TORCH_INDEX")
    torch, others = apart(requirements.read_text(encoding="utf-8")) if index else ([], "")
    if torch:
        size = f", PyTorch from {index}"
    print(f"installing {purpose}: {packages} packages{size}, into {folder.name}", file=sys.stderr)
    # Compiled now: our processes write no bytecode, and would compile at every start.
    options = ("--require-hashes", "--compile-bytecode")
    if not torch:
        _uv("sync", folder, environment, *options, str(requirements))
        return
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(others)
        file.flush()
        _uv("sync", folder, environment, *options, file.name)
    # Of the same versions, but not the files whose hashes are pinned; no other index may offer its
    # own, which may be one with CUDA.
    alone = {name: value for name, value in environment.items() if name not in _OTHER_PLACES}
    _uv("install", folder, alone, "--no-deps", "--default-index", str(index), *torch)


def apart(requirements: str) -> tuple[list[str], str]:
    """Take PyTorch and its CUDA libraries out of a list; return PyTorch's pins, and the rest."""
    pins = re.split(r"(?m)^(?=[\w.-]+==)", requirements)
    torch = [pin for pin in pins if re.match(r"(torch|torchvision)==", pin)]
    cuda = [pin for pin in pins if re.match(r"(nvidia|cuda|triton)\b", pin)]
    others = [pin for pin in pins if pin not in {*torch, *cuda}]
    return [pin.split()[0] for pin in torch], "".join(others)


def _uv(command: str, folder: Path, environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(  # noqa: S603  our own uv
        [UV, "pip", command, "--python", folder / "bin" / "python", *arguments],
        env=environment,
        check=True,
    )


def pip_config() -> dict[str, str]:
    """Return pip's settings by name, from its files and variables, with pip's own precedence."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    config = {}
    for section in ("global", "install", ":env:"):
        for name, value in re.findall(rf"(?m)^{section}\.([\w-]+)=(.*)$", text):
            config[name] = str(ast.literal_eval(value))
    return config


def uv_names() -> set[str]:
    """Return the names of the settings in uv's own configuration files."""
    user = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    names: set[str] = set()
    for path in (user / "uv" / "uv.toml", Path("/etc/uv/uv.toml")):
        if path.is_file():
            config = tomllib.loads(path.read_text(encoding="utf-8"))
            names |= config.keys() | config.get("pip", {}).keys()
    return names


def uv_settings(
    pip: dict[str, str], environment: dict[str, str] | os._Environ[str], names: set[str]
) -> dict[str, str]:
    """Return variables that make uv follow pip's settings, which it does not read itself.

    Args:
        pip: pip's settings.
        environment: Variables that are already set, which take precedence.
        names: Names of the settings in uv's own files, which take precedence.
    """
    settings = {}
    for name, value in pip.items():
        variable, own = _SETTINGS.get(name, ("", set()))
        given = {variable, _SAME_AS.get(variable, variable)} & environment.keys()
        if variable and not given and not own & names:
            separator = "," if name == "find-links" else " "
            settings[variable] = separator.join(value.split())
    if "UV_INDEX" in settings and "UV_INDEX_STRATEGY" not in environment:
        # pip accepts a package from any index. The hashes identify the right files.
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return settings


if __name__ == "__main__":
    sys.exit(main())
