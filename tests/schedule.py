"""Keeps the tests of one server in one process under pytest-xdist."""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

# Modules in `tests/e2e` that start their own servers; all others share those of its `conftest.py`.
OWN_SERVERS = {
    *("test_faults", "test_migration", "test_pod", "test_port", "test_production"),
    *("test_road", "test_soak"),
}


def scope_of(test: str) -> str:
    """Name what a test, given by its id, stays together with; its id if with nothing."""
    path = PurePosixPath(test.partition("::")[0])
    if path.parts[:2] != ("tests", "e2e"):
        return test
    return path.stem if path.stem in OWN_SERVERS else "shared servers"


class ByServer(LoadScopeScheduling):  # type: ignore[misc]  # untyped
    """Hands out test by test, but the tests of one server at once, and those first.

    The marks of `--dist loadgroup` would do, but pytest-xdist 3.8 loses them under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)
