"""The command line: ``python -m client COMMAND``; one parser, one place where errors end.

Not responsible for what the commands do: see `client.commands`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from client import commands, operations
from client.addresses import DEFAULT_PORT, addresses_from
from client.arguments import count, port, positive, whole
from client.commands import Connection
from client.errors import ClientError
from client.idle import DEFAULT_DEADLINE_S
from client.run_record import read_run_record
from client.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DESCRIPTION = "Classify photos with a running server, and manage its models and workers."
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_DEFAULT_RUN_DIR = Path("run")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, 1 after ``error: ...``, or 130 after Ctrl-C. Wrong usage exits with 2.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    connection = connection_from(options, parser)
    try:
        code: int = options.run(connection, options)
        sys.stdout.flush()
    except ClientError as error:
        sys.stdout.flush()
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader, such as head, has enough. Python flushes once more at exit: to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m client", description=_DESCRIPTION)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[..., int], text: str) -> argparse.ArgumentParser:
        command = subparsers.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        add_server_options(command)
        return command

    _add_predict(add("predict", commands.predict, "classify image files"))
    _add_explain(add("explain", commands.explain, "show what in an image speaks for its class"))
    _add_scale(add("scale", commands.scale, "set the number of workers without losing a request"))
    operations.add_deploy_options(
        add("deploy", operations.deploy, "bring a new version into service, or leave all as it was")
    )
    operations.add_rollback_options(
        add("rollback", operations.rollback, "return to the version before the last deployment")
    )
    operations.add_autoscale_options(
        add("autoscale", operations.autoscale, "let the number of workers follow the load")
    )
    command = add("status", commands.status, "show workers, queue and versions")
    command.add_argument("--json", action="store_true", help="as JSON")
    command = add("token", commands.token, "print a valid token")
    command.add_argument("--type", choices=("inference", "management"), default="inference")
    _add_register(add("register", commands.register, "register an archive"))
    command = add("unregister", commands.unregister, "unregister a version of the model")
    command.add_argument("--version", help="by default the default version")
    command = add("set-default", commands.set_default, "make a version the default one")
    command.add_argument("version", metavar="VERSION")
    add("list", commands.list_models, "list the models")
    return parser


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add what names a server: its addresses, the model, and where its keys are."""
    group = parser.add_argument_group("server")
    where = group.add_mutually_exclusive_group()
    where.add_argument("--server", metavar="URL", help="inference API (http://127.0.0.1:8080)")
    where.add_argument(
        "--port",
        type=port,
        default=DEFAULT_PORT,
        help="inference port on this machine (8080); management is the next one, then metrics",
    )
    group.add_argument(
        "--ca-file", type=Path, metavar="PEM", help="whom to believe an https server's certificate"
    )
    group.add_argument("--management", metavar="URL", help="management API, if at another place")
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


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a path, or obs:// or s3://")
    parser.add_argument("--version", help="version of the model")
    parser.add_argument("--top", type=count, default=3, help="classes to show (%(default)d)")
    parser.add_argument("--concurrency", type=count, default=8, help="at a time (%(default)d)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a path, or obs:// or s3://")
    parser.add_argument("--version", help="version of the model")
    parser.add_argument("--output", type=Path, metavar="PNG", help="draw it, instead of JSON")


def _add_scale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workers", type=whole, metavar="N")
    parser.add_argument(
        "--deadline",
        type=positive,
        default=DEFAULT_DEADLINE_S,
        metavar="SECONDS",
        help="longest wait for a quiet moment when scaling down (%(default)g)",
    )
    parser.add_argument("--force", action="store_true", help="do not wait; may cut off requests")


def _add_register(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="file in the model store, or an allowed URL")
    parser.add_argument("--name", help="name to serve it under; by default the archive's own")
    parser.add_argument("--workers", type=whole, default=1, help="to start (%(default)d)")


def connection_from(options: argparse.Namespace, parser: argparse.ArgumentParser) -> Connection:
    """Return the server that the options of `add_server_options` name; exits with 2 at a wrong URL.

    Args:
        options: What `parser` read.
        parser: Tells what is wrong with a URL.
    """
    run_dir: Path | None = options.run_dir
    trust = Trust(ca_file=options.ca_file)
    record = read_run_record(run_dir or _DEFAULT_RUN_DIR, options.port)
    if record and not options.server and not options.management:
        addresses, trust = record
        run_dir = run_dir or _DEFAULT_RUN_DIR
    else:
        server = options.server or f"http://127.0.0.1:{options.port}"
        try:
            addresses = addresses_from(server, options.management)
        except ValueError as error:
            parser.error(f"--server or --management: {error}")
    # A server elsewhere does not know the keys of the one that runs here, and must not learn them.
    if run_dir is None and addresses.on_this_machine:
        run_dir = _DEFAULT_RUN_DIR
    return Connection(addresses, options.model, run_dir, options.timeout, trust)
