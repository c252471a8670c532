"""Converts HEIC photos, which the handler does not accept, into JPEGs.

Pillow has no decoder for them, and serving should not depend on another. Photos to train on are
the user's own, and are converted once. docs/api.md has the figures and reasons.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from classifier.avif import is_avif

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_HEIC = {b"heic", b"heix", b"heim", b"heis", b"mif1"}
_QUALITY = 95
logger = logging.getLogger(__name__)


def convert(
    paths: Iterable[Path], folder: Path, named: Callable[[object], str] = str
) -> dict[Path, Path]:
    """Convert the HEIC photos among `paths`, if `pillow-heif` is installed.

    Args:
        paths: The photos.
        folder: Where converted ones go, as JPEG, upright, with their colour profile.
        named: How a path is called in messages.

    Returns:
        The converted file of each that was converted. What cannot be converted stays, to be told
        as unreadable.
    """
    converted: dict[Path, Path] = {}
    for path in paths:
        if _is_convertible(path):
            target = folder / str(len(converted)) / f"{path.name}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                _to_jpeg(path, target)
            except Exception as error:  # noqa: BLE001  decoders raise errors of many types
                logger.warning("%s: cannot be converted (%s)", named(path), error)
            else:
                converted[path] = target
    if converted:
        logger.info("converted %d HEIC photos to JPEG", len(converted))
    return converted


def _is_convertible(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(256)
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC and not is_avif(start) and _reads_heic()


def _reads_heic() -> bool:
    if importlib.util.find_spec("pillow_heif") is None:
        return False
    importlib.import_module("pillow_heif").register_heif_opener()
    return True


def _to_jpeg(path: Path, target: Path) -> None:
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.has_transparency_data:
            rgba = upright.convert("RGBA")
            upright = Image.new("RGB", rgba.size, "white")
            upright.paste(rgba, mask=rgba)
        profile = image.info.get("icc_profile")
        upright.convert("RGB").save(
            target, "JPEG", quality=_QUALITY, subsampling=0, icc_profile=profile
        )
