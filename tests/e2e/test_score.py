"""`make score` on real Ray: a few photos, one of them bad, and a restart."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.served import ROOT, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.served import Served

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# Arrow is in the environment of scoring only.
READ = """
import json, sys
import pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
metadata = {name.decode(): value.decode() for name, value in table.schema.metadata.items()}
print(json.dumps([table.to_pylist(), metadata]))
"""


def read(folder: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the rows and metadata of a folder of Parquet files."""
    process = subprocess.run(
        [str(ROOT / ".venv-score" / "bin" / "python"), "-c", READ, str(folder)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    rows, metadata = json.loads(process.stdout)
    return rows, metadata


def test_photos_become_rows_and_a_second_start_goes_on(
    served: Served, data_set_folder: Path, tmp_path: Path
) -> None:
    photos, output = tmp_path / "photos", tmp_path / "scores"
    photos.mkdir()
    for number, path in enumerate(sorted((data_set_folder / "val").rglob("*.jpg"))[::2]):
        (photos / f"{number}.jpg").write_bytes(path.read_bytes())
    (photos / "bad.jpg").write_bytes(b"no image")
    job = ("score", f"INPUT={photos}", f"OUTPUT={output}", "WORKERS=1", "ARGS=--shard-size 4")

    try:
        said = served.make(*job)
    except AssertionError as error:
        if "Ray does not start" in str(error):  # it gives itself half a minute
            pytest.skip("this machine is too busy for Ray to start")
        raise
    assert "7 photos, 1 of them with an error" in said
    rows, metadata = read(output)
    assert len(metadata["marigold.archive"]) == 64
    assert [row["path"] for row in rows] == sorted(path.name for path in photos.iterdir())
    for row in rows:
        if row["path"] == "bad.jpg":
            assert (row["label"], row["error_type"]) == (None, "InvalidImage")
            assert "check which file was sent" in row["error"]
        else:
            prediction = served.inference.predict(photos / row["path"])
            assert (row["label"], row["error"]) == (prediction.label, None)
            assert row["scores"] == pytest.approx(dict(prediction.scores), abs=1e-5)

    # As after a crash: the second shard is missing.
    (output / "_SUCCESS").unlink()
    (output / "part-00001.parquet").unlink()
    kept = (output / "part-00000.parquet").stat()
    assert "4 of 7 photos are already done" in served.make(*job)
    assert read(output)[0] == rows
    assert (output / "part-00000.parquet").stat().st_mtime_ns == kept.st_mtime_ns
    assert (output / "_SUCCESS").exists()

    assert served.make(*job).strip() == f"7 photos in 2 files in {output}"
    (photos / "new.jpg").write_bytes(b"one more")
    assert "choose an empty place" in served.make(*job, expect=2)
