"""Results as a Parquet file: a row for each photo, including those with an error.

path         string    relative to the input
label        string    the most probable class; null after an error
probability  float     its probability, 0..1
scores       struct    the probability of each class, one field per class
error_type   string    such as InvalidImage; null without an error
error        string    what was expected, what was found, and what to do
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from classifier.answers import rank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from classifier.model import Classification
    from score.places import Entry


def to_parquet(
    entries: Sequence[Entry],
    results: Sequence[Classification | Exception],
    class_names: Sequence[str],
    about: Mapping[str, str],
) -> bytes:
    """Write a Parquet file.

    Args:
        entries: The photos.
        results: One for each.
        class_names: In the order of the probabilities.
        about: The file's metadata, such as the archive's hash.
    """
    rows = [_row(*pair, class_names) for pair in zip(entries, results, strict=True)]
    table = pa.Table.from_pylist(rows, schema=_schema(class_names, about))
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def _schema(class_names: Sequence[str], about: Mapping[str, str]) -> Any:
    return pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            ("label", pa.string()),
            ("probability", pa.float32()),
            ("scores", pa.struct([(name, pa.float32()) for name in class_names])),
            ("error_type", pa.string()),
            ("error", pa.string()),
        ],
        metadata=dict(about),
    )


def _row(
    entry: Entry, result: Classification | Exception, class_names: Sequence[str]
) -> dict[str, Any]:
    if isinstance(result, Exception):
        return {"path": entry.name, "error_type": type(result).__name__, "error": str(result)}
    ranking = rank(result.probabilities, class_names)
    label, probability = ranking[0]
    return {
        "path": entry.name,
        "label": label,
        "probability": probability,
        "scores": dict(ranking),
    }
