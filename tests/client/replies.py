"""Replies as TorchServe 0.12.0 sends them, captured from a running server."""

from __future__ import annotations

from typing import Any

INVALID_KEY: dict[str, Any] = {
    "code": 400,
    "type": "InvalidKeyException",
    "message": "Token Authorization failed. Token either incorrect, expired, or not provided "
    "correctly",
}
NO_MODEL: dict[str, Any] = {
    "code": 404,
    "type": "ModelNotFoundException",
    "message": "Model not found: nope",
}
NO_VERSION: dict[str, Any] = {
    "code": 404,
    "type": "ModelVersionNotFoundException",
    "message": "Model version: 9.9 does not exist for model: flowers",
}
NO_ARCHIVE: dict[str, Any] = {
    "code": 404,
    "type": "ModelNotFoundException",
    "message": "Model not found at: none.mar",
}
NO_RESOURCE: dict[str, Any] = {
    "code": 404,
    "type": "ResourceNotFoundException",
    "message": "Requested resource is not found, please refer to API document.",
}
NOT_ALLOWED: dict[str, Any] = {
    "code": 405,
    "type": "MethodNotAllowedException",
    "message": "Requested method is not allowed, please refer to API document.",
}
CONFLICT: dict[str, Any] = {
    "code": 409,
    "type": "ConflictStatusException",
    "message": "Model version 2.0 is already registered for model flowers2",
}
WORKER_DIED: dict[str, Any] = {
    "code": 500,
    "type": "InternalServerException",
    "message": "Worker died.",
}
PREDICTION_FAILED: dict[str, Any] = {
    "code": 503,
    "type": "InternalServerException",
    "message": "Prediction failed",
}
OVERLOADED: dict[str, Any] = {
    "code": 503,
    "type": "ServiceUnavailableException",
    "message": 'Model "flowers" has no worker to serve inference request. Please use scale '
    "workers API to add workers. If this is a sequence inference, please check if it is closed, or "
    "expired; or exceeds maxSequenceJobQueueSize",
}
# Written by the handler, in TorchServe's form.
NOT_AN_IMAGE: dict[str, Any] = {
    "code": 400,
    "type": "InvalidImage",
    "message": "expected a JPEG; found text; send a photo",
}

PREDICTION = {"daisy": 0.98, "tulips": 0.015, "roses": 0.005}


def description(workers: int = 2, pending: int = 0, version: str = "1.0") -> dict[str, Any]:
    """One element of ``GET /models/flowers``."""
    return {
        "modelName": "flowers",
        "modelVersion": version,
        "modelUrl": "flowers.mar",
        "runtime": "python",
        "minWorkers": workers,
        "maxWorkers": workers,
        "batchSize": 8,
        "maxBatchDelay": 5,
        "responseTimeout": 20,
        "startupTimeout": 120,
        "loadedAtStartup": True,
        "workers": [
            {
                "id": str(9000 + number),
                "startTime": "2026-11-24T05:56:46.930Z",
                "status": "READY" if number == 0 else "UNLOADING",
                "memoryUsage": 558891008 if number == 0 else 0,
                "pid": 5_000_000 + number,  # above the kernel's largest: no process here has it
                "gpu": False,
                "gpuUsage": "N/A",
            }
            for number in range(workers)
        ],
        "jobQueueStatus": {"remainingCapacity": 100 - pending, "pendingRequests": pending},
    }


def metrics_page(arrived: int = 0, answered: int = 0, failed: int = 0) -> str:
    """The page of ``/metrics``, as far as the client reads it, with another model's counts."""
    labels = 'model_name="{}",model_version="{}",hostname="vm",'
    flowers, other = labels.format("flowers", "default"), labels.format("other", "2.0")
    return f"""\
# HELP Requests2XX Torchserve prometheus counter metric with unit: Count
# TYPE Requests2XX counter
Requests2XX{{Level="Host",Hostname="vm",}} {answered + 9}.0
Requests5XX{{Level="Host",Hostname="vm",}} {failed}.0
ts_inference_requests_total{{{flowers}}} {arrived}.0
ts_inference_requests_total{{{other}}} 40.0
ts_inference_latency_microseconds_bucket{{{flowers}le="0.005",}} 0.0
ts_inference_latency_microseconds_bucket{{{flowers}le="+Inf",}} {answered}.0
ts_inference_latency_microseconds_count{{{flowers}}} {answered}.0
ts_inference_latency_microseconds_sum{{{flowers}}} 3.534175012900001E7
ts_inference_latency_microseconds_count{{{other}}} 39.0
WorkerLoadTime{{WorkerName="W-9001-flowers_1.0",Level="Host",Hostname="vm",}} 3492.0
"""
