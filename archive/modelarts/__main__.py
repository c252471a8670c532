"""`python -m archive.modelarts`: writes the package that ModelArts imports."""

from __future__ import annotations

import argparse
import sys

from archive.errors import ArchiveError
from archive.modelarts.errors import ModelArtsError
from archive.modelarts.figures import find_figures
from archive.modelarts.package import CONFIG_FILE, PACKAGE_FOLDER, write_package
from archive.photos import fetch_photos
from archive.source import read_source
from classifier.description import NEVER_MEASURED
from classifier.errors import ClassifierError
from console.ending import exit_code_of
from console.progress import show_log
from storage import StorageError, publishing
from train.errors import TrainError
from train.model_url import model_path


def main(arguments: list[str] | None = None) -> int:
    """Write the package; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m archive.modelarts", description="Write the package that ModelArts imports."
    )
    parser.add_argument("--model", required=True, help="folder or bucket with weights and labels")
    parser.add_argument("--data-url", help="photos to measure on, if there is no report")
    parser.add_argument(
        "--output", required=True, metavar="URL", help=f"where {PACKAGE_FOLDER}/ is put"
    )
    options = parser.parse_args(arguments)
    show_log()
    return exit_code_of(
        lambda: write(options.model, options.data_url, options.output),
        ModelArtsError,
        ArchiveError,
        ClassifierError,
        StorageError,
        TrainError,
    )


def write(model: str, data_url: str | None, output: str) -> None:
    """Write the package of the model at one URL to another."""
    with publishing(output, last=(CONFIG_FILE,)) as place:
        source = read_source(model_path(model))
        figures = find_figures(source, lambda: fetch_photos(data_url))
        write_package(source, figures, place.folder)
    told = ", ".join(f"{name} {value:.1%}" for name, value in sorted(figures.items()))
    told = told or f"accuracy {NEVER_MEASURED}"
    print(f"wrote {output.rstrip('/')}/{PACKAGE_FOLDER} ({told})")


if __name__ == "__main__":
    sys.exit(main())
