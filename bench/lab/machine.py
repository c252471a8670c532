"""Describes the machine: processor, memory, and software versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench.lab import environments
from classifier.cores import usable_cores
from server.java import find_java_home

if TYPE_CHECKING:
    from collections.abc import Collection

# What decides which kernels OpenVINO and PyTorch take.
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8", "amx_bf16")
_PACKAGES = ("torch", "torchvision", "openvino", "torchserve", "numpy", "pillow", "simplejpeg")
_PEERS = {
    "fastapi": ("fastapi", "uvicorn", "uvloop"),
    "litserve": ("litserve",),
    "bentoml": ("bentoml",),
    "ray": ("ray",),
    "mlserver": ("mlserver",),
}


def describe() -> dict[str, Any]:
    """Describe this machine."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"model name\s*: (.*)", cpuinfo)
    flags = re.search(r"flags\s*: (.*)", cpuinfo)
    present = set(flags[1].split()) if flags else set()
    return {
        "cpu": model[1] if model else platform.processor(),
        "cores": usable_cores(),
        "instructions": [flag for flag in _FLAGS if flag in present],
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def int8_kind(instructions: Collection[str]) -> str:
    """Return what a processor computes int8 with: "AMX", "VNNI" or "AVX2" alone.

    Args:
        instructions: As `describe` lists them.
    """
    if "amx_int8" in instructions:
        return "AMX"
    return "VNNI" if {"avx512_vnni", "avx_vnni"} & set(instructions) else "AVX2"


def versions(kinds: set[str]) -> dict[str, str]:
    """Return the versions of the compared software.

    Args:
        kinds: Names of environments.
    """
    found = {"python": platform.python_version(), "java": _java_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    for kind in sorted(kinds & set(_PEERS)):
        for package in _PEERS[kind]:
            found[package] = environments.version(kind, package)
    return found


def _java_version() -> str:
    process = subprocess.run(  # noqa: S603  the Java that TorchServe runs on
        [find_java_home() / "bin" / "java", "-version"], capture_output=True, text=True, check=False
    )
    match = re.search(r'version "([^"]+)"', process.stderr)
    return match[1] if match else "unknown"
