"""Makes a new .mar reproducible, so that equal inputs give equal bytes, and adds the hash list.

`torch-model-archiver` includes timestamps, the file system's order and Python's caches.
"""

from __future__ import annotations

import json
import os
import time
import zipfile
from typing import TYPE_CHECKING

from archive.members import MANIFEST, SUMS, format_sums
from storage.files import atomic_file, write_text

if TYPE_CHECKING:
    from pathlib import Path

_EARLIEST = 315532800  # 1980-01-01, the earliest time in a zip file


def seal(mar: Path) -> None:
    """Rewrite `mar` in place; its members' time is `SOURCE_DATE_EPOCH`, or 1980."""
    moment = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", _EARLIEST)), _EARLIEST))
    with zipfile.ZipFile(mar) as archive:
        contents = {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.endswith("/") and "__pycache__" not in name and name != SUMS
        }
    manifest = json.loads(contents[MANIFEST])
    manifest["createdOn"] = time.strftime("%d/%m/%Y %H:%M:%S", moment)
    contents[MANIFEST] = json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n"
    contents[SUMS] = format_sums(contents)

    with atomic_file(mar) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(contents):
            # Stored, not deflated: weights hardly shrink, and unpacking takes no time.
            info = zipfile.ZipInfo(name, moment[:6])
            info.external_attr = 0o100644 << 16
            archive.writestr(info, contents[name])


def write_stamp(stamp: Path, mar: Path, sha256: str) -> None:
    """Record the SHA-256 of a verified .mar, in the format of `sha256sum --check`."""
    write_text(stamp, f"{sha256}  {mar.name}\n")
