"""Records what an archive was built from, and checks whether that has changed.

    python -m archive.inputs RECORD --model M --runtime R --version V --data-url D --changed FILE

touches FILE if there is no record, or if one of these differs from it: the options, the model's
files, the photos if they were used, the packages, the imported sources, and the packed ones.
Imports neither PyTorch nor OpenVINO: it runs before every `make archive` and `make serve`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from archive.errors import BuildError
from console.ending import exit_code_of
from storage import StorageError, fingerprint, is_remote
from storage.files import write_text
from train.model_url import NO_PART_OF_IT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[1]


class Wishes(NamedTuple):
    """The options of a build, as the user gave them."""

    model: str
    runtime: str
    version: str
    model_config: str
    arch: str = ""
    size: str = ""


def add_wishes(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `archive build` and this command share."""
    parser.add_argument("--model", required=True, help="folder or bucket with weights and labels")
    parser.add_argument("--runtime", required=True)
    parser.add_argument("--version", default="1.0", help="version of the model")
    parser.add_argument("--model-config", required=True, help="model-config.yaml")
    parser.add_argument("--arch", default="", help="network that the model must be; any if empty")
    parser.add_argument("--size", default="", help="of the pictures in pixels, or auto")
    parser.add_argument("--data-url", help="photos to calibrate with and measure on")


def wishes_of(options: argparse.Namespace) -> Wishes:
    """Return the `Wishes` in parsed arguments."""
    return Wishes(*(str(getattr(options, name)) for name in Wishes._fields))


def write_record(path: Path, wishes: Wishes, photos: str | None) -> None:
    """Record what this process built an archive from.

    Args:
        path: The record.
        wishes: The options of the build.
        photos: `state_of_photos` when they were read; None if they were not used.
    """
    lock = "full" if "torch" in sys.modules else "serve"
    files = {*_imported(), *_folders(wishes), ROOT / "requirements" / f"{lock}.txt"}
    record = {
        "wishes": wishes,
        "bucket": fingerprint(wishes.model),
        "photos": photos,
        "files": {_name(file): _state(file) for file in sorted(files)},
    }
    write_text(path, json.dumps(record, indent=1) + "\n")


def change_since(path: Path, wishes: Wishes, data_url: str | None) -> str | None:
    """Return what has changed since a record was written; None if nothing has.

    Raises:
        StorageError: A bucket cannot be listed.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "there is no record of what it was built from"
    return next(_changes(record, wishes, data_url), None)


def _changes(record: dict[str, Any], wishes: Wishes, data_url: str | None) -> Iterator[str]:
    """Yield what has changed, what costs least to find out first."""
    if len(record["wishes"]) != len(wishes):
        yield "its record is from another release"
        return
    for name, before, now in zip(Wishes._fields, record["wishes"], wishes, strict=True):
        if before != now:
            yield f"{name.replace('_', ' ')} was {before}, is {now}"
    files = record["files"]
    yield from (f"{_name(file)} is new" for file in _folders(wishes) if _name(file) not in files)
    for name, state in files.items():
        if not _is_as_recorded(ROOT / name, *state):
            yield f"{name} has changed"
    if record["bucket"] != fingerprint(wishes.model):
        yield f"{wishes.model} has changed"
    if record["photos"] is not None and record["photos"] != state_of_photos(data_url):
        yield f"the photos have changed ({data_url})"


def state_of_photos(data_url: str | None) -> str:
    """Return a text that changes when names, sizes or times of photos do; empty without photos.

    Raises:
        StorageError: A bucket cannot be listed.
    """
    if data_url and is_remote(data_url):
        return fingerprint(data_url)
    if not data_url or not Path(data_url).is_dir():
        return ""
    digest = hashlib.sha256()
    for file in _files_below(data_url):
        stat = file.stat()
        name = file.relative_to(data_url)
        digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _folders(wishes: Wishes) -> Iterator[Path]:
    """Yield the files that matter even if not imported: the archive's contents."""
    yield Path(wishes.model_config).resolve()
    yield from (ROOT / "archive").glob("*.py")
    yield from (file for file in _files_below(ROOT / "handler") if file.suffix == ".py")
    if not is_remote(wishes.model):
        model = Path(wishes.model).resolve()
        yield from (file for file in _files_below(model) if file.name not in NO_PART_OF_IT)


def _files_below(folder: str | Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(place) / name for name in sorted(names))


def _imported() -> Iterable[Path]:
    """Return the files of this project's modules that this process has imported."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    paths = {Path(file).resolve() for file in files if file}
    installed = Path(sys.prefix).resolve()
    ours = {path for path in paths if path.is_relative_to(ROOT)}
    return {path for path in ours if path.is_file() and not path.is_relative_to(installed)}


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT) if file.is_relative_to(ROOT) else file)


def _state(file: Path) -> tuple[int, int, str]:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns, _digest(file)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_as_recorded(file: Path, size: int, mtime_ns: int, sha256: str) -> bool:
    """Compare contents, but read them only if the modification time differs."""
    try:
        stat = file.stat()
        return stat.st_size == size and (stat.st_mtime_ns == mtime_ns or _digest(file) == sha256)
    except OSError:
        return False


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m archive.inputs")
    parser.add_argument("record", type=Path)
    add_wishes(parser)
    parser.add_argument("--changed", type=Path, required=True, help="file to touch")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: _touch_if_changed(options), StorageError, BuildError)


def _touch_if_changed(options: argparse.Namespace) -> None:
    change = change_since(options.record, wishes_of(options), options.data_url)
    if change and options.record.exists():
        print(f"rebuilding the archive: {change}", file=sys.stderr)
    if change or not options.changed.exists():
        options.changed.parent.mkdir(parents=True, exist_ok=True)
        options.changed.touch()


if __name__ == "__main__":
    sys.exit(main())
