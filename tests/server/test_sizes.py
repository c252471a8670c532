"""Bounds of TorchServe's front end: whatever waits fits into the heap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import StartError
from server.properties import get_properties
from server.sizes import MIB, sizes_for, usable_memory
from server.start import CONFIG

if TYPE_CHECKING:
    from pathlib import Path

GIVEN = get_properties((CONFIG / "config.properties").read_text(encoding="utf-8"))
LARGEST = int(GIVEN["max_request_size"])
BATCH, COPIED, OWN = 8, 4, 256 * MIB  # what is not in the queue


@given(st.integers(1024, 1024 * 1024))
def test_a_full_queue_of_the_largest_requests_fits_into_the_heap(memory_mib: int) -> None:
    sizes = sizes_for(memory_mib * MIB, GIVEN)
    held = (sizes.job_queue + BATCH + COPIED) * sizes.largest_request
    assert held + OWN <= sizes.heap_mib * MIB
    assert sizes.heap_mib + sizes.direct_mib < memory_mib
    assert 16 <= sizes.job_queue <= 256
    assert sizes.largest_request <= LARGEST


def test_the_limits_of_a_large_machine_are_the_projects() -> None:
    sizes = sizes_for(64 * 1024 * MIB, GIVEN)
    assert (sizes.largest_request, sizes.heap_mib) == (LARGEST, 8192)


def test_a_small_machine_takes_smaller_requests_and_one_too_small_says_so() -> None:
    assert sizes_for(2048 * MIB, GIVEN).largest_request < LARGEST
    with pytest.raises(StartError, match=r"512 MiB of memory are too little.*at least \d+ MiB"):
        sizes_for(512 * MIB, GIVEN)


def test_values_of_the_file_count_as_they_stand() -> None:
    sizes = sizes_for(8192 * MIB, GIVEN | {"job_queue_size": "7", "vmargs": "-Xmx1024m -XX:+A"})
    assert (sizes.job_queue, sizes.heap_mib) == (7, 1024)
    assert sizes.properties(GIVEN | {"vmargs": "-Xmx1024m"})["vmargs"] == "-Xmx1024m"


def test_the_lines_keep_the_files_other_options() -> None:
    lines = sizes_for(8192 * MIB, GIVEN).properties(GIVEN)
    assert lines["vmargs"].startswith(GIVEN["vmargs"] + " -Xmx4096m ")
    assert "-XX:MaxDirectMemorySize=1024m" in lines["vmargs"]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [({}, None), ({"a/b": "max"}, None), ({"a/b": "1048576"}, MIB), ({"a": "1048576"}, MIB)],
)
def test_a_containers_limit_counts_and_so_does_one_above_it(
    tmp_path: Path, limits: dict[str, str], expected: int | None
) -> None:
    membership = tmp_path / "cgroup"
    membership.write_text("0::/a/b\n")
    (tmp_path / "groups" / "a" / "b").mkdir(parents=True)
    for group, limit in limits.items():
        (tmp_path / "groups" / group / "memory.max").write_text(limit + "\n")
    found = usable_memory(membership, tmp_path / "groups")
    assert found == (expected or psutil.virtual_memory().total)
