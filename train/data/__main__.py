"""`python -m train.data`: fills `DATA_URL/{train,val,test}/<class>/` from a source of photos."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from console.arguments import fraction
from train.cli import add_urls, run_command
from train.data.data_set import SPLITS, TEST
from train.data.preparing import Wishes, prepare
from train.errors import DataError
from train.urls import local_path, output


def main(arguments: list[str] | None = None) -> int:
    """Prepare a data set; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train.data", description="Make a data set.", allow_abbrev=False
    )
    add_urls(parser, "data_url")
    parser.add_argument(
        "--source",
        default="",
        help="folder, tarball or zip file of class folders, local or in a bucket "
        "(default: download tf_flowers)",
    )
    _add_wishes(parser)
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    with output(options.data_url) as data:
        for split in (*SPLITS, TEST):
            if data.holds(split):
                raise DataError(
                    f"{data.url}/{split} exists already: remove it first, "
                    "or choose another DATA_URL"
                )
        source = local_path(options.source) if options.source else None
        known = {each.name for each in dataclasses.fields(Wishes)}
        wishes = {name: value for name, value in vars(options).items() if name in known}
        prepare(source, data.folder, Wishes(**wishes))


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--val_share", type=fraction, help="share of validation photos (default: 0.1)")
    add("--test_share", type=fraction, help="share of test photos, which nothing is chosen by")
    add("--seed", type=int, default=0, help="of the division (default: 0)")
    add(
        "--labels",
        default="",
        metavar="FILE",
        help='table with the columns image and label in the source, or "folders" for none',
    )
    add(
        "--leave_out",
        type=_names,
        default=(),
        metavar="NAMES",
        help="folders of the source to leave out, with commas between",
    )
    add(
        *("--skip-unreadable", "--skip_unreadable"),
        action="store_true",
        help="go on without the files that cannot be read",
    )
    add(
        "--near_duplicates",
        choices=("group", "ignore"),
        default="group",
        help="whether photos that show the same stay in one split (default: group)",
    )
    add(
        "--name_encoding",
        metavar="NAME",
        help="how an archive's names are written where not in UTF-8, such as gbk",
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


if __name__ == "__main__":
    sys.exit(main())
