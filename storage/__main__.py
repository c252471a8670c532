"""`python -m storage`: copies between this machine and buckets, as `mox.file.copy_parallel` did.

copy         copies the contents of SOURCE to TARGET; skips what is already there
fingerprint  prints a string that changes when the contents at a bucket's URL do
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from tqdm.contrib.logging import logging_redirect_tqdm

from console.ending import exit_code_of
from console.progress import show_log
from storage.errors import LocalError, StorageError, UrlError
from storage.fetching import fetch, fingerprint
from storage.files import atomic_file
from storage.locations import is_remote, local_path
from storage.publishing import upload


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m storage", description="Copy between this machine and buckets."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    copies = commands.add_parser("copy", help="copy a folder's contents from or to a bucket")
    copies.add_argument("source", metavar="SOURCE", help="folder, obs:// or s3:// URL")
    copies.add_argument("target", metavar="TARGET", help="folder, obs:// or s3:// URL")
    copies.set_defaults(run=lambda options: copy(options.source, options.target))
    prints = commands.add_parser("fingerprint", help="detect changes in a bucket's folder")
    prints.add_argument("url", metavar="URL")
    prints.set_defaults(run=lambda options: print(fingerprint(options.url)))
    options = parser.parse_args(arguments)
    show_log()
    with logging_redirect_tqdm():
        return exit_code_of(
            lambda: options.run(options),
            StorageError,
            after_interrupt="; run the same command to resume",
        )


def copy(source: str, target: str) -> None:
    """Copy the contents of a folder, or one object, from or to a bucket.

    Raises:
        StorageError: The source does not exist, or cannot be read or written.
    """
    if is_remote(source) and is_remote(target):
        raise UrlError(f"{source} and {target}: one of the two must be a local folder")
    if not is_remote(source) and not is_remote(target):
        raise UrlError(f"{source} and {target}: neither is a bucket's URL; use cp")
    if is_remote(target):
        folder = local_path(source)
        if not folder.is_dir():
            raise LocalError(f"{folder}: no such folder")
        upload(folder, target)
        return
    fetched, folder = fetch(source), local_path(target)
    for path in sorted(fetched.rglob("*")) if fetched.is_dir() else [fetched]:
        if path.is_file():
            name = path.relative_to(fetched) if fetched.is_dir() else Path(path.name)
            _copy_file(path, folder / name)


def _copy_file(source: Path, target: Path) -> None:
    """Copy a file atomically, without a link, so that the copy may be edited."""
    with atomic_file(target) as temporary:
        shutil.copyfile(source, temporary)


if __name__ == "__main__":
    sys.exit(main())
