"""One S3 endpoint for all tests; each gets its own bucket, proxy and cache."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.s3 import FOREIGN
from tests.storage.proxy import Proxy, running_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.s3 import S3


@pytest.fixture
def proxy(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The way to the endpoint that the environment names."""
    for name in [name for name in os.environ if FOREIGN.fullmatch(name)]:
        monkeypatch.delenv(name)
    with running_proxy(s3.url) as proxy:
        for name, value in s3.environment(tmp_path).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("OBS_ENDPOINT", proxy.url)
        yield proxy


@pytest.fixture
def bucket(s3: S3, proxy: Proxy, request: pytest.FixtureRequest) -> str:  # noqa: ARG001
    """An empty bucket."""
    name = f"test-{abs(hash(request.node.nodeid)):x}"
    s3.make_bucket(name)
    return name
