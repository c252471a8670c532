"""The options that identify a server, and the connection to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from client.api.addresses import DEFAULT_PORT, addresses_from
from client.api.trust import Trust
from client.commands.arguments import port, positive
from client.connection import Connection
from client.run_record import contradiction, read_run_record

if TYPE_CHECKING:
    import argparse

DEFAULT_RUN_DIR = Path("run")


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add the server's addresses, the model, and where its keys are."""
    group = parser.add_argument_group("server")
    where = group.add_mutually_exclusive_group()
    where.add_argument("--server", metavar="URL", help="inference API (http://127.0.0.1:8080)")
    where.add_argument(
        "--port",
        type=port,
        help=f"inference port on this machine; by default that of --run-dir, else {DEFAULT_PORT}",
    )
    group.add_argument(
        "--ca-file", type=Path, metavar="PEM", help="certificates to trust for an https server"
    )
    group.add_argument("--management", metavar="URL", help="management API, if it is elsewhere")
    group.add_argument("--model", default="flowers", help="name of the model (%(default)s)")
    group.add_argument(
        "--run-dir", type=Path, help="the server's working directory, with key_file.json (run)"
    )
    group.add_argument(
        "--timeout",
        type=positive,
        default=30.0,
        metavar="SECONDS",
        help="longest wait for an answer (%(default)g)",
    )


def connection_from(options: argparse.Namespace, parser: argparse.ArgumentParser) -> Connection:
    """Return the server that the options name; exits with 2 if they are invalid.

    A local server is known by its working directory, which records its port.

    Args:
        options: As parsed by `parser`.
        parser: Reports an invalid URL, and a port that is not that of the working directory.
    """
    run_dir: Path | None = options.run_dir
    trust = Trust(ca_file=options.ca_file)
    record = read_run_record(run_dir or DEFAULT_RUN_DIR)
    if record and not options.server and not options.management:
        if words := contradiction(run_dir or DEFAULT_RUN_DIR, options.port):
            parser.exit(2, f"error: {words}\n")
        addresses, trust = record
        run_dir = run_dir or DEFAULT_RUN_DIR
    else:
        server = options.server or f"http://127.0.0.1:{options.port or DEFAULT_PORT}"
        try:
            addresses = addresses_from(server, options.management)
        except ValueError as error:
            parser.error(f"--server or --management: {error}")
    # A remote server does not know the keys of the local one, and must not learn them.
    if run_dir is None and addresses.on_this_machine:
        run_dir = DEFAULT_RUN_DIR
    return Connection(addresses, options.model, run_dir, options.timeout, trust)
