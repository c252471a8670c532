"""`register`, `unregister`, `set-default`, `list`: one call of the management API each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.commands import report
from client.commands.arguments import whole
from client.commands.report import print_line
from client.operations.model_store import bring_in

if TYPE_CHECKING:
    import argparse

    from client.connection import Connection


def add_register_options(parser: argparse.ArgumentParser) -> None:
    """Add the archive, its name and its workers."""
    parser.add_argument("url", metavar="URL", help="file in the model store")
    parser.add_argument("--name", help="name to serve it under; by default the archive's own")
    parser.add_argument("--workers", type=whole, default=1, help="workers to start (%(default)d)")


def add_unregister_options(parser: argparse.ArgumentParser) -> None:
    """Add the version."""
    parser.add_argument("--version", help="by default the default version")


def add_set_default_options(parser: argparse.ArgumentParser) -> None:
    """Add the version."""
    parser.add_argument("version", metavar="VERSION")


def add_list_options(parser: argparse.ArgumentParser) -> None:
    """Add nothing: all models are listed."""


def register(connection: Connection, options: argparse.Namespace) -> int:
    """Register an archive; where the server is on this machine, it is copied to it first."""
    bring_in(connection.run_dir, options.url)
    words = connection.management().register(
        options.url, model_name=options.name, initial_workers=options.workers
    )
    print_line(words)
    return 0


def unregister(connection: Connection, options: argparse.Namespace) -> int:
    """Unregister a version."""
    print_line(connection.management().unregister(connection.model, options.version))
    return 0


def set_default(connection: Connection, options: argparse.Namespace) -> int:
    """Make a version the default."""
    print_line(connection.management().set_default(connection.model, options.version))
    return 0


def list_models(connection: Connection, options: argparse.Namespace) -> int:  # noqa: ARG001
    """List the models."""
    print_line(report.models_text(connection.management().list_models()))
    return 0
