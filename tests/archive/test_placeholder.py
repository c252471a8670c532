"""Workers whose runtime does not need PyTorch import a placeholder, the others the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from archive.build import build
from archive.source import read_source
from archive.verify import verify
from tests.archive.packing import pack

# The reply that TorchServe's worker would send, for an answer of each type.
REPLIES = """
import json, torch
from ts.protocol.otf_message_handler import create_predict_response as reply
answers = [b"bytes", bytearray(b"array"), "text", {"daisy": 0.5}, ["daisy", 0.5], 7]
replies = [reply([a], {0: "id"}, "Prediction success", 200).hex() for a in answers]
print(json.dumps({"torch": torch.__file__, "replies": replies}))
"""


def answered(model_dir: Path) -> tuple[Path, list[str]]:
    """Return the torch that a worker of `model_dir` imports, and its replies, in hexadecimal."""
    process = subprocess.run(
        [sys.executable, "-P", "-c", REPLIES],
        env=os.environ | {"PYTHONPATH": str(model_dir), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(process.stdout.splitlines()[-1])
    return Path(report["torch"]), report["replies"]


def test_an_openvino_worker_replies_as_with_pytorch(model_folder: Path, tmp_path: Path) -> None:
    for runtime in ("openvino-fp32", "torch-fp32"):
        build(read_source(model_folder), runtime, None, tmp_path / runtime)
    placeholder, replies = answered(tmp_path / "openvino-fp32")
    real, expected = answered(tmp_path / "torch-fp32")
    assert placeholder == tmp_path / "openvino-fp32" / "torch.py"
    assert real.parts[-2:] == ("torch", "__init__.py")
    assert replies == expected


@pytest.mark.parametrize("runtime", ["openvino-bf16", "torch-fp32"])
def test_both_kinds_of_archive_are_verified(
    model_folder: Path, tmp_path: Path, runtime: str
) -> None:
    assert verify(pack(model_folder, tmp_path, runtime)).runtime == runtime
