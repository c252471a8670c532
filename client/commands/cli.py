"""The command line: ``python -m client COMMAND``; one parser, one place that reports errors.

Each command is a module: `add_options` adds its options, `run` runs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from client.commands import (
    autoscale,
    deploy,
    explain,
    predict,
    registry,
    rollback,
    scale,
    status,
    token,
)
from client.commands.server_options import DEFAULT_RUN_DIR, add_server_options, connection_from
from client.errors import AuthenticationError, ClientError, KeyFileError, ServerUnreachable
from client.operations.run_lock import changing
from client.operations.running import describe_others

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from client.connection import Connection

    AddOptions = Callable[[argparse.ArgumentParser], None]
    Run = Callable[[Connection, argparse.Namespace], int]

_DESCRIPTION = "Classify photos with a running server, and manage its models and workers."
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
# `autoscale` holds the lock only while it changes something.
_CHANGING = frozenset({"scale", "deploy", "rollback", "register", "unregister", "set-default"})
_COMMANDS: dict[str, tuple[AddOptions, Run, str]] = {
    "predict": (predict.add_options, predict.run, "classify image files"),
    "explain": (explain.add_options, explain.run, "show what in an image supports its class"),
    "scale": (scale.add_options, scale.run, "set the number of workers without losing a request"),
    "deploy": (
        deploy.add_options,
        deploy.run,
        "deploy a new version, or leave everything as it was",
    ),
    "rollback": (
        rollback.add_options,
        rollback.run,
        "return to the previous version",
    ),
    "autoscale": (
        autoscale.add_options,
        autoscale.run,
        "adjust the number of workers to the load",
    ),
    "status": (status.add_options, status.run, "show workers, queue and versions"),
    "token": (token.add_options, token.run, "print a valid token"),
    "register": (registry.add_register_options, registry.register, "register an archive"),
    "unregister": (
        registry.add_unregister_options,
        registry.unregister,
        "unregister a version of the model",
    ),
    "set-default": (
        registry.add_set_default_options,
        registry.set_default,
        "make a version the default",
    ),
    "list": (registry.add_list_options, registry.list_models, "list the models"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, 1 after ``error: ...``, or 130 after Ctrl-C. Wrong usage exits with 2.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    connection = connection_from(options, parser)
    lock = changing(connection.run_dir) if options.command in _CHANGING else nullcontext()
    try:
        with lock:
            code: int = options.run(connection, options)
        sys.stdout.flush()
    except ClientError as error:
        sys.stdout.flush()
        print(f"error: {error}{_elsewhere(options, error)}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader, such as head, has closed the pipe. Python flushes again at exit: discard it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def _elsewhere(options: argparse.Namespace, error: ClientError) -> str:
    """Name the servers that run here, where none was named and the default one did not answer."""
    named = options.server or options.port or options.run_dir
    if named or not isinstance(error, ServerUnreachable | KeyFileError | AuthenticationError):
        return ""
    others = describe_others(DEFAULT_RUN_DIR)
    return f"; {others}" if others else ""


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m client", description=_DESCRIPTION)
    subparsers = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    for name, (add_options, run, text) in _COMMANDS.items():
        command = subparsers.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        add_server_options(command)
        add_options(command)
    return parser
