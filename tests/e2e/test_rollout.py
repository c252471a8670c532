"""New versions, and more or fewer workers, under load; `-s` shows what clients saw."""

from __future__ import annotations

import signal
import subprocess
import sys
import zipfile
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from archive.members import SUMS, format_sums
from classifier.reference import REFERENCE_NAMES, draw_png
from client.operations.model_store import copy_as_version, sha256_of
from client.operations.rollout_record import read_record
from tests.e2e.load import OURS, PLAIN, Load
from tests.e2e.served import ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

PICTURE = draw_png(REFERENCE_NAMES[0])


@pytest.fixture
def load(own: Served) -> Iterator[Load]:
    """Clients that ask all the time; none of them may see anything but answers."""
    with Load(own, PICTURE, ours=2, plain=2, pause_s=0.05) as running:
        yield running
    assert set(running.total()) == {"200"}
    assert all(running.seen[name]["200"] > 10 for name in (OURS, PLAIN))


def offer(server: Served, version: str, *, broken: bool = False) -> Path:
    """Put the archive into the store under another version, as `make archive VERSION=` would."""
    store, build = server.home / "store", server.home / "build"
    record = (build / "flowers.inputs").read_text(encoding="utf-8")
    (build / f"flowers-{version}.inputs").write_text(record.replace('"1.0"', f'"{version}"'))
    (build / f"flowers-{version}.changed").touch()
    mar = store / f"flowers-{version}.mar"
    copy_as_version(store / "flowers.mar", version, mar)
    if broken:
        with zipfile.ZipFile(mar) as archive:
            contents = {name: archive.read(name) for name in archive.namelist() if name != SUMS}
        contents["classifier/labels.py"] = b"import no_such_module\n"
        contents[SUMS] = format_sums(contents)
        with zipfile.ZipFile(mar, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
    mar.with_name(mar.name + ".sha256").write_text(f"{sha256_of(mar)}  {mar.name}\n")
    return mar


def client_command(server: Served, *arguments: str) -> subprocess.Popen[str]:
    """Start a command of the client."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "client", *arguments),
            *("--port", str(server.port), "--run-dir", str(server.run_dir)),
        ],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def versions(server: Served) -> dict[str, int]:
    """The registered versions, and the ready workers of each."""
    return {
        status.version: status.ready_workers for status in server.management.describe_all("flowers")
    }


def test_a_new_version_takes_over_and_the_former_one_returns(own: Served, load: Load) -> None:
    offer(own, "2.0")
    with load.during("deploy"):
        output = own.make("deploy", "VERSION=2.0")
    assert "1 of 1 pictures get the label that 1.0 gives (100 %; compared on " in output
    assert versions(own) == {"2.0": 1}

    with load.during("rollback"):
        own.make("rollback")
    assert versions(own) == {"1.0": 1}
    record = read_record(own.run_dir, "flowers")
    assert record is not None
    assert [release.version for release in record] == ["1.0", "2.0"]


def test_a_bad_archive_never_takes_over(own: Served, load: Load) -> None:
    with offer(own, "3.0").open("ab") as archive:
        archive.write(b"changed after it was verified")
    offer(own, "4.0", broken=True)
    for version, cause in (("3.0", "changed since"), ("4.0", "ended while it loaded the model")):
        with load.during(f"bad deploy: {cause}"):
            process = client_command(own, "deploy", version)
            output, _ = process.communicate()
        assert process.returncode == 1
        assert output.startswith(f"error: flowers {version} does not take over: ")
        assert cause in output
        assert "1.0 goes on serving" in output
        assert versions(own) == {"1.0": 1}


def test_the_autoscaler_follows_a_load_that_rises_and_falls(own: Served, load: Load) -> None:
    autoscaler = client_command(
        own,
        *("autoscale", "--min", "1", "--max", "2", "--target-queue-ms", "40"),
        *("--interval", "1", "--calm-intervals", "2"),
    )
    try:
        with (
            load.during("load rises: up to 2 workers"),
            Load(own, PICTURE, ours=8, plain=8) as burst,
        ):
            while versions(own) != {"1.0": 2}:
                assert autoscaler.poll() is None
        assert set(burst.total()) == {"200"}
        seen: Counter[int] = Counter()
        with load.during("load falls: down to 1"):
            while versions(own) != {"1.0": 1}:
                assert autoscaler.poll() is None
                seen[len(versions(own))] += 1
        assert seen[2]  # another version stood in
    finally:
        autoscaler.send_signal(signal.SIGTERM)
        output, _ = autoscaler.communicate()
        print(output)  # noqa: T201
    assert "from 1 to 2 workers: " in output
    assert "from 2 to 1 workers: " in output
