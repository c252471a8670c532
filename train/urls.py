"""Where a job reads and writes: the platform's URLs as local folders.

This is the seam for object storage; until it is there, a bucket's URL is refused with the remedy.
"""

from __future__ import annotations

from pathlib import Path

from train.errors import UrlError


def local_path(url: str) -> Path:
    """Turn `url` into a local folder's path.

    Args:
        url: A path, absolute or relative, or a ``file://`` URL.

    Raises:
        UrlError: It names a bucket (``obs://``, ``s3://``) or has any other scheme.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Path(url).expanduser()
    if scheme == "file":
        return Path(rest)
    raise UrlError(
        f"{url}: cannot reach {scheme}:// storage from here; copy it to a local folder first "
        "(obsutil cp, aws s3 cp, or the platform's own input and output mapping) "
        "and pass that folder's path"
    )
