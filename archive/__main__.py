"""The commands that make and check a .mar; `make archive` runs them in this order.

environment  prints which environment the build needs: the full one has PyTorch
build        turns a model folder into the folder that torch-model-archiver packs
seal         makes the packed .mar reproducible and adds hashes
verify       loads the .mar as a worker would, and compares its answers with the reference's
quantise     adds the int8 form to a model folder, for machines without photos
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from archive.errors import ArchiveError
from archive.inputs import add_wishes, state_of_photos, wishes_of, write_record
from archive.sizes import AUTO, check_size
from classifier.errors import ClassifierError
from classifier.runtimes import RUNTIMES
from console.ending import exit_code_of
from console.interruption import interruptible
from console.progress import show_log, working
from storage import StorageError, fetch
from train.errors import TrainError
from train.model_url import model_path


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code."""
    options = _parser().parse_args(arguments)
    show_log()
    with interruptible():
        return exit_code_of(
            lambda: options.run(options), ArchiveError, ClassifierError, StorageError, TrainError
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m archive", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="write the contents of the .mar")
    add_wishes(build)
    build.add_argument("--output", type=Path, required=True)
    build.add_argument("--record", type=Path, help="file to record the inputs in")
    build.set_defaults(run=_build)

    environment = commands.add_parser("environment", help="print which environment a build needs")
    environment.add_argument("--model", required=True, help="as for `build`")
    environment.add_argument("--runtime", choices=[AUTO, *RUNTIMES], required=True)
    environment.add_argument("--arch", default="", help="as for `build`")
    environment.add_argument("--size", default="", help="as for `build`")
    environment.set_defaults(run=_environment)

    seal = commands.add_parser("seal", help="make a packed .mar reproducible and add hashes")
    seal.add_argument("mar", type=Path)
    seal.set_defaults(run=_seal)

    verify = commands.add_parser("verify", help="check that a .mar may be served")
    verify.add_argument("mar", type=Path)
    verify.add_argument("--stamp", type=Path, help="file for the SHA-256 of a verified .mar")
    verify.add_argument("--data-url", help="photos to measure the accuracy on")
    verify.set_defaults(run=_verify)

    quantise = commands.add_parser("quantise", help="add the int8 form to a model folder")
    quantise.add_argument("--model", type=Path, required=True)
    quantise.add_argument("--data-url", required=True)
    quantise.set_defaults(run=_quantise)
    return parser


# Each command imports only what it needs: sealing must not wait for PyTorch and OpenVINO.


def _environment(options: argparse.Namespace) -> None:
    from archive.build import build_needs_torch  # noqa: PLC0415
    from archive.grid import likely  # noqa: PLC0415
    from archive.source import check_arch, read_source  # noqa: PLC0415

    check_size(options.size)  # before PyTorch is installed for it
    source = read_source(model_path(options.model))
    check_arch(source, options.arch)
    needs_torch = bool(options.size) or build_needs_torch(source, likely(options.runtime))
    print("installed-full" if needs_torch else "installed")


def _build(options: argparse.Namespace) -> None:
    from archive.build import build, uses_photos  # noqa: PLC0415
    from archive.grid import chosen, likely  # noqa: PLC0415
    from archive.model_config import read_model_config  # noqa: PLC0415
    from archive.photos import fetch_photos  # noqa: PLC0415
    from archive.source import check_arch, read_source  # noqa: PLC0415

    check_size(options.size)
    read_model_config(Path(options.model_config))
    source = read_source(model_path(options.model))
    check_arch(source, options.arch)
    measured = bool(options.size) or uses_photos(source, likely(options.runtime))
    photos = state_of_photos(options.data_url) if measured else None
    data_url = fetch_photos(options.data_url) if measured else None
    with chosen(source, options.runtime, options.size, data_url) as (ready, runtime):
        choice = build(ready, runtime, data_url, options.output)
        size = ready.description.preprocessing.crop
    if options.record:
        write_record(options.record, wishes_of(options), photos)
    print(f"built {options.output} from {options.model}: {choice.runtime}, {size} px")


def _seal(options: argparse.Namespace) -> None:
    from archive.seal import seal  # noqa: PLC0415

    seal(options.mar)


def _verify(options: argparse.Namespace) -> None:
    from archive.photos import fetch_photos  # noqa: PLC0415
    from archive.seal import write_stamp  # noqa: PLC0415
    from archive.through import list_val  # noqa: PLC0415
    from archive.verify import verify  # noqa: PLC0415

    data_root = fetch_photos(options.data_url)
    photos = list_val(data_root) if data_root else ()
    with working(f"verifying {options.mar}" + (f", on {len(photos)} photos" if photos else "")):
        verified = verify(options.mar, photos)
    if options.stamp:
        write_stamp(options.stamp, options.mar, verified.sha256)
    megabytes = options.mar.stat().st_size / 1e6
    print(
        f"verified {options.mar} ({megabytes:.0f} MB, {verified.runtime}): answers match the "
        f"reference's within {verified.difference:.2g} in probability; "
        f"accuracy {verified.accuracy}"
    )


def _quantise(options: argparse.Namespace) -> None:
    from archive.build import quantise_starter  # noqa: PLC0415
    from archive.source import read_source  # noqa: PLC0415

    figures = quantise_starter(read_source(options.model), fetch(options.data_url))
    print(f"quantised {options.model}: {figures}")


if __name__ == "__main__":
    sys.exit(main())
