"""The Kubernetes manifests as kustomize renders them, and what the tests look up in them."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
OVERLAYS = ("local", "production")

Manifest = dict[str, Any]


@functools.cache
def render(overlay: str) -> tuple[Manifest, ...]:
    """Return an overlay's objects; skips the test where there is no kubectl."""
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl here, which renders the manifests")
    process = subprocess.run(
        ["kubectl", "kustomize", str(DEPLOY / "kubernetes" / "overlays" / overlay)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return tuple(yaml.safe_load_all(process.stdout))


def one(overlay: str, kind: str) -> Manifest:
    """Return an overlay's only object of a kind."""
    (found,) = (manifest for manifest in render(overlay) if manifest["kind"] == kind)
    return found


def pod(overlay: str) -> Manifest:
    """Return the specification of the pods."""
    spec: Manifest = one(overlay, "Deployment")["spec"]["template"]["spec"]
    return spec


def containers(overlay: str) -> dict[str, Manifest]:
    """Return the containers by name."""
    return {found["name"]: found for found in pod(overlay)["containers"]}
