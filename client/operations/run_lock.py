"""The one lock of a run folder, held by the process that changes what its server serves.

`make serve` and `make stop` hold it too (`server.run_folder`), so that of two changes at once the
second one ends before it does anything. Not held for asking, nor for a server elsewhere.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from client.errors import RunFolderBusy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def changing(run_dir: Path | None) -> Iterator[None]:
    """Hold the lock of a run folder.

    Args:
        run_dir: The folder; None, or one that is not there, is a server's elsewhere.

    Raises:
        RunFolderBusy: Another process holds it; the message says which.
    """
    if run_dir is None or not run_dir.is_dir():
        yield
        return
    try:
        from storage.errors import InUse  # noqa: PLC0415 - a client that stands alone has no server
        from storage.locks import locked  # noqa: PLC0415 - beside it that could be locked
    except ImportError:
        yield
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(run_dir, wait=False))
        except InUse as error:
            raise RunFolderBusy(f"{error}; wait until that ends, or end it") from error
        yield
