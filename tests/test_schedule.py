"""The tests of one server are assigned together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.schedule import OWN_SERVERS, scope_of

E2E = Path(__file__).with_name("e2e")


def test_tests_of_the_shared_servers_stay_together() -> None:
    first, second = "tests/e2e/test_attacks.py::test_a", "tests/e2e/test_grpc.py::test_b[tests/x]"
    assert scope_of(first) == scope_of(second)


def test_modules_with_servers_of_their_own_stay_together_apart_from_the_others() -> None:
    faults, pod = "tests/e2e/test_faults.py", "tests/e2e/test_pod.py"
    assert scope_of(f"{faults}::test_a") == scope_of(f"{faults}::test_b[1]")
    assert len({scope_of(f"{path}::test_a") for path in (faults, pod, "tests/e2e/new.py")}) == 3


def test_all_others_are_handed_out_one_by_one() -> None:
    test = "tests/server/test_start.py::test_a[tests/e2e]"
    assert scope_of(test) == test


@pytest.mark.parametrize("module", sorted(OWN_SERVERS))
def test_modules_with_servers_of_their_own_use_none_that_is_shared(module: str) -> None:
    text = (E2E / f"{module}.py").read_text(encoding="utf-8")
    assert "served: Served" not in text
    assert "own: Served" not in text
