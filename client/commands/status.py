"""`status`: shows workers, queue, versions and memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from client.commands import report
from client.commands.report import print_line
from client.operations.worker_process import resident_bytes

if TYPE_CHECKING:
    import argparse

    from client.api.models import ModelStatus
    from client.connection import Connection


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the output format."""
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(connection: Connection, options: argparse.Namespace) -> int:
    """Show workers, queue and versions."""
    management = connection.management()
    health = connection.inference().ping()
    default = management.describe(connection.model).version
    versions = management.describe_all(connection.model)
    if connection.addresses.on_this_machine:
        versions = [_with_memory(version) for version in versions]
    if options.json:
        print_line(report.status_json(health, versions))
    else:
        server = connection.addresses.inference
        print_line(report.status_text(server, health, versions, default))
    return 0


def _with_memory(version: ModelStatus) -> ModelStatus:
    workers = (
        worker if worker.memory_bytes else replace(worker, memory_bytes=resident_bytes(worker.pid))
        for worker in version.workers
    )
    return replace(version, workers=tuple(workers))
