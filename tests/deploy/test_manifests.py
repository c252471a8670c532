"""The manifests: valid for Kubernetes, and consistent with each other and with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from server.__main__ import build_parser as server_parser
from server.ports import Ports
from tests.deploy.rendered import DEPLOY, OVERLAYS, containers, one, pod, render

# The oldest that is promised, and the newest that the package knows.
VERSIONS = ("1.29", kubernetes_validate.latest_version())
SERVICE_MONITOR = json.loads(Path(__file__).with_name("servicemonitor.schema.json").read_text())

overlays = pytest.mark.parametrize("overlay", OVERLAYS)


@overlays
@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_follows_kubernetes_own_schema(overlay: str, version: str) -> None:
    for manifest in render(overlay):
        if manifest["kind"] == "ServiceMonitor":
            jsonschema.validate(manifest, SERVICE_MONITOR)
        else:
            kubernetes_validate.validate(manifest, version, strict=True)


@overlays
def test_everything_selects_the_pods(overlay: str) -> None:
    template = one(overlay, "Deployment")["spec"]["template"]
    selectors = {
        "Deployment": one(overlay, "Deployment")["spec"]["selector"]["matchLabels"],
        "Service": one(overlay, "Service")["spec"]["selector"],
        "PodDisruptionBudget": one(overlay, "PodDisruptionBudget")["spec"]["selector"][
            "matchLabels"
        ],
        "NetworkPolicy": one(overlay, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    }
    for kind, labels in selectors.items():
        assert labels, kind
        assert labels.items() <= template["metadata"]["labels"].items(), kind


@overlays
def test_ports_are_named_alike_everywhere(overlay: str) -> None:
    ports = {port["name"]: port for port in containers(overlay)["server"]["ports"]}
    for port in one(overlay, "Service")["spec"]["ports"]:
        assert ports[port["targetPort"]]["containerPort"] == port["port"]
    for rule in one(overlay, "NetworkPolicy")["spec"]["ingress"]:
        assert {port["port"] for port in rule["ports"]} <= ports.keys()
    options = server_parser().parse_args(containers(overlay)["server"]["args"][1:])
    served = Ports.starting_at(options.port)
    assert served.inference == ports["service"]["containerPort"]
    assert served.metrics == ports["metrics"]["containerPort"]
    assert (options.host, options.metrics_host) == ("0.0.0.0", "0.0.0.0")  # noqa: S104


@overlays
def test_only_predictions_and_metrics_are_reached_from_outside(overlay: str) -> None:
    assert {port["name"] for port in containers(overlay)["server"]["ports"]} == {
        "service",
        "metrics",
    }
    policy = one(overlay, "NetworkPolicy")["spec"]
    assert policy["egress"] == []
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert all(rule["from"] for rule in policy["ingress"])


@overlays
def test_containers_are_confined_as_the_restricted_profile_wants(overlay: str) -> None:
    context = pod(overlay)["securityContext"]
    assert context["runAsNonRoot"]
    assert context["runAsUser"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(overlay).values():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


@overlays
def test_commands_and_probes_are_ones_that_the_code_knows(overlay: str) -> None:
    found = containers(overlay)
    started = server_parser().parse_args(found["server"]["args"][1:])
    assert started.foreground
    probes = {
        "startupProbe": "prediction",
        "readinessProbe": "worker",
        "livenessProbe": "front-end",
    }
    for name, level in probes.items():
        probe = found["server"][name]
        command = probe["exec"]["command"]
        assert command[:3] == ["python", "-m", "server"]
        options = server_parser().parse_args(command[3:])
        assert (options.of, options.run_dir) == (level, started.run_dir)
        assert options.timeout_s <= probe["timeoutSeconds"]
    mounted = {mount["mountPath"] for mount in found["server"]["volumeMounts"]}
    assert str(started.clients) in mounted
    assert started.profile == "production"
    assert started.plain_http == (overlay == "local")
    if overlay == "production":
        assert {started.tls_certificate.parent, started.tls_key.parent} == {
            Path("/etc/marigold/tls")
        }
        assert "/etc/marigold/tls" in mounted


@overlays
def test_a_pod_has_the_time_to_answer_what_it_has(overlay: str) -> None:
    found = containers(overlay)
    first = float(found["server"]["lifecycle"]["preStop"]["exec"]["command"][1])
    server = server_parser().parse_args(found["server"]["args"][1:]).grace_s
    assert pod(overlay)["terminationGracePeriodSeconds"] > first + server + 20  # to end processes


def test_the_autoscaler_follows_a_metric_that_exists() -> None:
    scaler = one("production", "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == one("production", "Deployment")["metadata"]["name"]
    assert "replicas" not in one("production", "Deployment")["spec"]
    adapter = _yaml(DEPLOY / "kubernetes" / "prometheus-adapter.yaml")
    (rule,) = adapter["rules"]["custom"]
    (metric,) = scaler["metrics"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    histograms = _yaml(DEPLOY.parent / "config" / "metrics.yaml")["ts_metrics"]["histogram"]
    expected = {f"{entry['name']}{part}" for entry in histograms for part in ("_sum", "_count")}
    asked = set(re.findall(r"\bts_\w+", rule["seriesQuery"] + rule["metricsQuery"]))
    assert asked
    assert asked <= expected


def test_prometheus_finds_the_service() -> None:
    service = one("production", "Service")
    monitor = one("production", "ServiceMonitor")["spec"]
    labels = monitor["selector"]["matchLabels"]
    assert labels.items() <= service["metadata"]["labels"].items()
    names = {port["name"] for port in service["spec"]["ports"]}
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= names


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
