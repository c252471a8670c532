"""Resolves a model's URL to a local folder, or raises a clear error. Needs no PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifier.description import DESCRIPTION_FILE
from storage import StorageError, fetch
from train.errors import UrlError

if TYPE_CHECKING:
    from pathlib import Path

NO_PART_OF_IT = ("checkpoint.pt",)  # the checkpoint is as large as four models


def model_path(url: str) -> Path:
    """Return the local folder with the model at `url`, without the checkpoint of its training.

    Raises:
        UrlError: There is no model there, or it cannot be copied.
    """
    try:
        folder = fetch(url, skip=NO_PART_OF_IT)
    except StorageError as error:
        raise UrlError(str(error)) from error
    if (folder / DESCRIPTION_FILE).is_file():
        return folder
    if any((folder / name).is_file() for name in NO_PART_OF_IT):
        raise UrlError(
            f"{url} holds an unfinished training and no model: continue with "
            f"`make train RESUME=1 TRAIN_URL={url}`, or name another model with TRAIN_URL "
            "(the starter is TRAIN_URL=pretrained)"
        )
    raise UrlError(
        f"{url} holds no model (no {DESCRIPTION_FILE}): name one with TRAIN_URL, train one into it "
        "(`make train`), or make one of the weights that you have (`make import WEIGHTS=...`)"
    )
