"""`python -m archive.imports`: a model folder from weights that were trained elsewhere, checked."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING

from archive.errors import ArchiveError, ModelImportError
from archive.imports import checking, preprocessing
from archive.imports.choosing import choose_labels, find_labels
from archive.imports.finding import find_files
from archive.imports.labels import check_number, shown
from archive.imports.matching import Match, match
from archive.imports.onnx_model import choose_preprocessing, read_onnx_model
from archive.imports.photos import PhotoSet, Seen, read_photo_set, see
from archive.imports.reading import read_file
from archive.imports.sidecar import Sidecar, read_sidecar
from archive.imports.trying import Candidate, load
from archive.imports.unwrapping import unwrap
from archive.imports.writing import Checked, Imported, check_place, write_model
from classifier.architectures import ONNX, ONNX_SUFFIX
from classifier.description import DESCRIPTION_FILE
from classifier.errors import ClassifierError
from console.ending import exit_code_of
from console.progress import show_log
from storage import StorageError, fetch, publishing
from train.errors import TrainError
from train.markdown import percent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archive.imports.finding import Found

_NO_PHOTOS = "none"
logger = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Import a model; return the exit code."""
    options = _parser().parse_args(arguments)
    show_log()
    logging.getLogger("timm").setLevel(logging.WARNING)
    return exit_code_of(
        lambda: run(options), ArchiveError, ClassifierError, StorageError, TrainError
    )


def run(options: argparse.Namespace) -> None:
    """Find the weights, read and check the model, and write its folder."""
    with publishing(options.train_url, last=(DESCRIPTION_FILE,)) as place:
        check_place(place, replace=options.replace)
        data_root = _photos_at(options.data_url)
        model, matched, labels = _read(options, data_root)
        candidate = Candidate(model, matched, load(model, matched.arch))
        candidate.tell_of_others()
        photos = read_photo_set(data_root, model.class_names) if data_root else None
        checked = None
        if photos:
            seen = see(candidate.network, photos.val, model.preprocessing, "photos")
            metrics = checking.measure_seen(seen, model.class_names)
            checking.tell(metrics)
            _check(candidate, photos, seen, labels, force=options.force)
            checked = Checked(photos, seen, metrics)
        write_model(place.folder, model, checked)
    print(
        f"imported {options.weights} to {options.train_url}: {model.arch}, "
        f"{len(model.class_names)} classes, accuracy {_accuracy(checked)}\n"
        f"next: make archive serve TRAIN_URL={options.train_url}"
        f"{f' DATA_URL={options.data_url}' if checked else ''}"
    )


def _read(options: argparse.Namespace, data_root: Path | None) -> tuple[Imported, Match, str]:
    """Read the weights, class names and preprocessing; log where each is from.

    Returns:
        The model, how its network was determined, and the source of its class names.
    """
    found = find_files(options.weights)
    beside = read_sidecar(found.config)
    if found.weights.suffix == ONNX_SUFFIX:
        return _read_onnx(options, found, beside, data_root)
    unwrapped = unwrap(read_file(found.weights), found.weights, options.key)
    _say("weights", found.weights.name, *unwrapped.notes)
    matched = match(unwrapped.state, found.weights, options.arch or beside.arch)
    how = "as you say" if options.arch else "as config.json says" if beside.arch else "found"
    _say("network", f"{matched.arch}, {how}: all its tensors fit", *matched.notes)
    labels = choose_labels(options.labels, found, beside, data_root, matched.num_classes)
    _say("classes", f"{len(labels.class_names)}, from {labels.source}: {shown(labels.class_names)}")
    chosen, source = preprocessing.choose(
        matched.arch, preprocessing.wishes_from(options), beside.pretrained_cfg
    )
    _say("preprocessing", f"{preprocessing.describe(chosen)} ({source})")
    model = Imported(matched.arch, matched.state, labels.class_names, chosen)
    return model, matched, labels.source


def _read_onnx(
    options: argparse.Namespace, found: Found, beside: Sidecar, data_root: Path | None
) -> tuple[Imported, Match, str]:
    """Read an ONNX file, as `_read` reads weights."""
    if options.arch or options.key:
        raise ModelImportError(f"{found.weights} is the network too: leave out ARCH= and --key")
    onnx = read_onnx_model(found.weights, options.crop)
    graph = onnx.graph
    _say("weights", f"{found.weights.name}, which OpenVINO alone serves, without heat maps")
    _say("network", f"an ONNX graph for {graph.layout} pictures of {graph.size} px")
    if not options.labels and (names := onnx.class_names):
        beside = Sidecar(class_names=names, source="the metadata of the ONNX file")
    labels = find_labels(options.labels, found, beside, data_root)
    if beside.class_names not in {None, labels.class_names} and not options.labels:
        raise ModelImportError(
            f"{labels.source} and {beside.source} differ in their class names or order: name the "
            "right ones with LABELS="
        )
    fitting = [number for number in onnx.num_classes if number == len(labels.class_names)]
    check_number(labels.class_names, (fitting or onnx.num_classes)[0], labels.source)
    _say("classes", f"{len(labels.class_names)}, from {labels.source}: {shown(labels.class_names)}")
    chosen, source = choose_preprocessing(graph, preprocessing.wishes_from(options))
    _say("preprocessing", f"{preprocessing.describe(chosen)} ({source})")
    model = Imported(ONNX, {}, labels.class_names, chosen, onnx)
    return model, Match(ONNX, len(labels.class_names), {}), labels.source


def _say(what: str, *sentences: str) -> None:
    logger.info("%s: %s", what, "; ".join(sentences))


def _check(candidate: Candidate, photos: PhotoSet, seen: Seen, labels: str, *, force: bool) -> None:
    """Check the answers to the photos; with `--force`, only log what is found."""
    checks: tuple[Callable[[], None], ...] = (
        lambda: checking.check_order(seen, photos.class_names, labels),
        lambda: checking.check_alternatives(*candidate.answers(photos.val)),
        lambda: checking.check_chance(seen),
    )
    for check in checks:
        try:
            check()
        except ModelImportError as error:
            if not force:
                raise
            logger.warning("going on, as you say: %s", error)


def _photos_at(url: str | None) -> Path | None:
    """Return the folder of the photos; None if the user has none."""
    if not url or url == _NO_PHOTOS:
        return None
    folder = fetch(url)
    if not folder.is_dir():
        raise ModelImportError(
            f"{url}: no such folder of photos; name one with DATA_URL=, or DATA_URL={_NO_PHOTOS}"
        )
    return folder


def _accuracy(checked: Checked | None) -> str:
    if checked is None:
        return "never measured (DATA_URL= names photos)"
    return f"{percent(checked.metrics.accuracy)} on {checked.metrics.images} photos"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m archive.imports", description=__doc__.split(": ", 1)[1], allow_abbrev=False
    )
    parser.add_argument(
        "--weights", required=True, metavar="URL", help="file, folder or bucket of the weights"
    )
    parser.add_argument("--train-url", required=True, metavar="URL", help="where to put the model")
    parser.add_argument("--labels", metavar="URL", help="file of class names")
    parser.add_argument("--arch", help="the network's name in torchvision or timm")
    parser.add_argument("--data-url", metavar="URL", help="photos to check it on, or `none`")
    parser.add_argument("--key", help="key of the weights in a checkpoint")
    parser.add_argument("--replace", action="store_true", help="overwrite a model at --train-url")
    parser.add_argument("--force", action="store_true", help="import even if a check fails")
    preprocessing.add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
