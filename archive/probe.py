"""Loads an unpacked .mar as TorchServe's worker does, and queries it, in a separate process.

Started by `archive.verify` with the unpacked archive first on the import path; prints the answers
as JSON. Imports no module of this project except the archive's own. When its parent ends, its
standard input closes, and it ends too.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import yaml
from ts.context import RequestProcessor
from ts.model_loader import TsModelLoader

_PROBE = Path(__file__).resolve()
_BATCH_SIZE = 16  # of photos; the batch size in service is a server setting


def main(model_dir: Path, photos: list[str]) -> dict[str, Any]:
    """Load the archive and classify the reference pictures in one batch, a broken one among them.

    Args:
        model_dir: The unpacked archive.
        photos: Further files to classify.

    Returns:
        The status and body of each answer in order, the best class of each photo (None if refused),
        and the files of foreign modules.
    """
    manifest = json.loads((model_dir / "MAR-INF" / "MANIFEST.json").read_text(encoding="utf-8"))
    model = manifest["model"]
    config = yaml.safe_load((model_dir / model["configFile"]).read_text(encoding="utf-8"))
    service = TsModelLoader().load(
        model["modelName"], str(model_dir), model["handler"], batch_size=config.get("batchSize", 1)
    )
    from classifier.reference import REFERENCE_NAMES, draw_png  # noqa: PLC0415  the archive's own

    files = [draw_png(name) for name in REFERENCE_NAMES]
    files.insert(1, files[0][: len(files[0]) // 2])
    answers = _ask(service, files)
    best = []
    for start in range(0, len(photos), _BATCH_SIZE):
        some = [Path(photo).read_bytes() for photo in photos[start : start + _BATCH_SIZE]]
        best += [_best(answer) for answer in _ask(service, some)]
    return {"answers": answers, "best": best, "foreign": foreign_modules(model_dir)}


def _ask(service: Any, files: list[bytes]) -> list[dict[str, Any]]:
    """Classify files in one batch, as a worker does."""
    service.context.request_processor = [RequestProcessor({}) for _ in files]
    bodies = service._entry_point([{"body": file} for file in files], service.context)  # noqa: SLF001
    statuses = [service.context.get_response_status(index)[0] for index in range(len(files))]
    return [
        {"status": status, "body": json.loads(body)}
        for status, body in zip(statuses, bodies, strict=True)
    ]


def _best(answer: dict[str, Any]) -> str | None:
    """Return the most probable class of an answer; None if the file was refused."""
    return next(iter(answer["body"])) if answer["status"] == 200 else None  # noqa: PLR2004


def end_with_starter() -> None:
    """End this process when its standard input does."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def foreign_modules(model_dir: Path) -> list[str]:
    """Return the files of this project's modules that did not come from the archive.

    These are modules named like the archive's own, and any in the checkout.
    """
    brought = {path.stem for path in model_dir.iterdir()}
    installed = Path(sys.prefix).resolve()
    foreign = []
    for name, module in sys.modules.items():
        file = Path(getattr(module, "__file__", None) or "/").resolve()
        if file == _PROBE or file.is_relative_to(model_dir):
            continue
        of_checkout = file.is_relative_to(_PROBE.parents[1]) and not file.is_relative_to(installed)
        if of_checkout or name.partition(".")[0] in brought:
            foreign.append(str(file))
    return sorted(foreign)


if __name__ == "__main__":
    end_with_starter()
    names = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]).resolve(), names)))
