"""The client stands alone: it can be copied to a machine that has only requests."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"torch", "torchvision", "numpy", "PIL", "openvino", "ts"}
OURS = {"archive", "classifier", "console", "resnet_handler", "server", "storage", "train"}

PROGRAM = """
import importlib, pkgutil, sys
import client
for module in pkgutil.walk_packages(client.__path__, "client."):
    if module.name != "client.__main__":
        importlib.import_module(module.name)
assert "client.api.inference" in sys.modules  # those of its packages too
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_the_client_imports_nothing_of_ours_and_nothing_heavy() -> None:
    # in a process of its own: this one has imported much for other tests
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    imported = set(run.stdout.split())

    assert {"client", "requests"} <= imported
    assert not imported & (HEAVY | OURS)
