"""One worker: loads the archive as a server's worker does, and classifies shards.

It writes each shard's file itself: photos and results never pass through Ray.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.members import unpack
from archive.model_config import read_model_config
from classifier.errors import ModelError
from classifier.model import Model
from classifier.settings import Settings
from score.places import open_place
from score.plan import Shard
from score.table import to_parquet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.model import Classification

_READERS = 8  # files read in parallel, which matters for buckets
_READ_AHEAD = 256  # photos held in memory: at 10 MiB, the largest accepted, 2.5 GB; usually 30 MB


@dataclass(frozen=True)
class Work:
    """What all workers of a job share.

    Attributes:
        mar: The archive's bytes, since the machine may not have the file.
        mar_sha256: Its hash, for the results' metadata.
        source: Path or URL of the photos.
        target: Path or URL for the results.
        threads: Cores for each worker.
    """

    mar: bytes
    mar_sha256: str
    source: str
    target: str
    threads: int


class Worker:
    """Classifies shards one after the other; Ray keeps it for the whole job.

    Args:
        work: See `Work`.

    Raises:
        ModelError: The archive is damaged, or this machine computes other answers.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._model = _load(work)
        self._source, self._target = open_place(work.source), open_place(work.target)
        self._source.__enter__()  # for as long as the process lives
        self._target.__enter__()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="read")

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Classify one shard and write its file.

        Args:
            batch: Ray Data's columns, of one row: those of a `Shard`.

        Returns:
            Columns of one row: photos, errors, elapsed seconds, and CPU seconds.
        """
        shard = Shard.from_row({name: values[0] for name, values in batch.items()})
        began, cpu_began = time.perf_counter(), time.process_time()
        results = self._classify(shard)
        about = {"marigold.archive": self._work.mar_sha256}
        table = to_parquet(shard.entries, results, self._model.class_names, about)
        self._target.write(shard.name, table)
        return {
            "photos": [len(results)],
            "errors": [sum(isinstance(result, Exception) for result in results)],
            "seconds": [time.perf_counter() - began],
            "cpu_seconds": [time.process_time() - cpu_began],
        }

    def _classify(self, shard: Shard) -> list[Classification | Exception]:
        results: list[Classification | Exception] = []
        for start in range(0, len(shard.entries), _READ_AHEAD):
            contents = self._source.read_all(
                shard.entries[start : start + _READ_AHEAD], self._readers
            )
            results += self._classify_read(contents)
        return results

    def _classify_read(
        self, contents: Sequence[bytes | Exception]
    ) -> list[Classification | Exception]:
        """Classify the photos that could be read; keep read errors in their places."""
        readable = [content for content in contents if isinstance(content, bytes)]
        classified = iter(self._model.classify(readable))
        return [next(classified) if isinstance(c, bytes) else c for c in contents]


def _load(work: Work) -> Model:
    with tempfile.TemporaryDirectory(prefix="marigold-score-") as temporary:
        mar, folder = Path(temporary) / "model.mar", Path(temporary) / "model"
        mar.write_bytes(work.mar)
        folder.mkdir()
        unpack(mar, folder)
        configs = [read_model_config(path) for path in folder.glob("*.yaml")]
        if len(configs) != 1:
            raise ModelError(f"expected one model-config.yaml in the archive, found {len(configs)}")
        model = Model(
            folder,
            Settings.from_config(configs[0]),
            threads=work.threads,
            batch_size=int(configs[0]["batchSize"]),
        )
        model.warm_up()
    return model
