"""The commands behind `make serve`, `make stop` and `make logs`, and those of a container."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from client.api.addresses import DEFAULT_PORT, PORT_COUNT
from client.commands.inputs import named_files
from client.errors import ClientError
from client.operations.running import describe_others
from client.run_record import contradiction, recorded_port
from console.arguments import count, seconds
from console.ending import exit_code_of
from console.interruption import interruptible
from console.progress import show_log, working
from server import diagnosis
from server.errors import ControlError
from server.health import LEVELS, check
from server.ports import Ports
from server.preconditions import check_start
from server.profiles import PROFILES, choose_profile
from server.run_folder import RunFolder
from server.start import Options, start
from server.stop import stop
from server.supervision import stay
from server.tls import KeyPair

if TYPE_CHECKING:
    from server.front import ServerFront


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code."""
    options = build_parser().parse_args(arguments)
    show_log(logging.WARNING)
    return exit_code_of(
        lambda: options.run(options),
        ControlError,
        ClientError,
        after_interrupt="; nothing was left running",
    )


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m server", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    starts = commands.add_parser("start", help="start, and wait until a prediction succeeds")
    starts.add_argument("mar", type=Path)
    starts.add_argument("--model-name", default="flowers")
    starts.add_argument(
        "--port",
        type=int,
        help=f"first of {PORT_COUNT} consecutive ports (default: {DEFAULT_PORT}; with --restart, "
        "those that it has)",
    )
    starts.add_argument(
        "--workers", type=count, help="default: 2, or the archive's minWorkers if more"
    )
    starts.add_argument("--model-api", action="store_true", help="allow registering models")
    _add_profile(starts)
    starts.add_argument("--deadline-s", type=seconds, default=120.0)
    starts.add_argument(
        "--clients", type=Path, help="folder with more keys of clients than RUN_DIR/clients"
    )
    starts.add_argument(
        "--foreground", action="store_true", help="keep running, show the logs, stop on SIGTERM"
    )
    starts.add_argument(
        "--restart", action="store_true", help="stop the running server once all is ready to start"
    )
    starts.add_argument(
        "--check-only", action="store_true", help="start nothing; say what stands in the way"
    )
    starts.add_argument("--example", default="photo.jpg", help="picture for the curl line")
    starts.set_defaults(run=_start)

    stops = commands.add_parser("stop", help="wait for requests in flight, then stop the server")
    stops.add_argument("--port", type=int, help="refuse to stop a server on another port")
    stops.set_defaults(run=_stop)
    for command in (starts, stops):
        command.add_argument(
            "--grace-s", type=seconds, default=10.0, help="longest wait for requests"
        )

    checks = commands.add_parser("check", help="check the running server's health, for probes")
    checks.add_argument("--model-name", default="flowers")
    checks.add_argument("--of", choices=LEVELS, default="prediction", help="default: %(default)s")
    checks.add_argument(
        "--timeout-s", type=seconds, default=10.0, help="longest wait for an answer"
    )
    checks.set_defaults(run=_check)

    logs = commands.add_parser("logs", help="show the last lines of the logs")
    logs.add_argument("--lines", type=count, default=20)
    logs.set_defaults(run=_logs)

    for command in (starts, stops, checks, logs):
        command.add_argument("--run-dir", type=Path, default=Path("run"))
    return parser


def _add_profile(starts: argparse.ArgumentParser) -> None:
    profile = starts.add_argument_group("profile")
    profile.add_argument("--profile", choices=PROFILES, default=PROFILES[0])
    profile.add_argument("--host", help="address or interface to listen on; default: loopback")
    profile.add_argument("--metrics-host", help="the same for the metrics, which need no token")
    profile.add_argument("--tls-certificate", type=Path, help="PEM; default: create one")
    profile.add_argument("--tls-key", type=Path, help="PEM, without a passphrase")
    profile.add_argument(
        "--tls-name", action="append", default=[], help="a name for the created certificate"
    )
    profile.add_argument(
        "--plain-http",
        action="store_true",
        help="production without TLS, which something before it ends",
    )
    profile.add_argument("--allow-root", action="store_true", help="run production as root")


def _start(options: argparse.Namespace) -> None:
    if not options.foreground:
        _start_in_background(options)
        return
    with interruptible():
        front = _start_in_background(options)
        if front is None:  # it was only checked
            return
        sys.stdout.flush()
        stay(RunFolder(options.run_dir), grace_s=options.grace_s, front=front)


def _start_in_background(options: argparse.Namespace) -> ServerFront | None:
    if bool(options.tls_certificate) != bool(options.tls_key):
        raise ControlError("TLS_CERT and TLS_KEY belong together: pass a certificate and its key")
    profile = choose_profile(
        options.profile,
        host=options.host,
        metrics_host=options.metrics_host,
        given=KeyPair(options.tls_certificate, options.tls_key) if options.tls_key else None,
        names=tuple(options.tls_name),
        plain=options.plain_http,
        allow_root=options.allow_root,
    )
    chosen = Options(
        options.mar,
        options.model_name,
        Ports.starting_at(_first_port(options)),
        options.workers,
        profile,
        model_api=options.model_api,
        deadline_s=options.deadline_s,
        clients=options.clients,
    )
    folder = RunFolder(options.run_dir)
    example = shlex.quote(named_files([options.example])[0])
    check_start(chosen.ports, profile, folder, restart=options.restart)
    if options.check_only:
        return None
    with working(f"starting {options.mar}, until a prediction succeeds"):
        front = start(chosen, folder, restart_grace_s=options.grace_s if options.restart else None)
    at = chosen.addresses
    own = shlex.quote(f"RUN_DIR={options.run_dir}")
    run_dir = "" if options.run_dir == Path("run") else f" {own}"
    made = profile.has_tls and not profile.given
    ca = f"--cacert {shlex.quote(str(folder.tls / 'certificate.pem'))} " if made else ""
    print(
        f"serving {options.mar} as {options.model_name}\n"
        f"  inference   {at.inference}/predictions/{options.model_name}\n"
        f"  management  {at.management}/models/{options.model_name}\n"
        f"  metrics     {at.metrics}/metrics\n"
        "try it:\n"
        f'  curl {ca}-H "Authorization: Bearer $(make -s token{run_dir})" -T {example} '
        f"{at.inference}/predictions/{options.model_name}"
    )
    return front


def _first_port(options: argparse.Namespace) -> int:
    """Return the port that was asked for, or that of the server to restart, or the default."""
    if options.restart:
        _refuse_contradiction(options)
    if options.port is not None:
        return int(options.port)
    return (recorded_port(options.run_dir) if options.restart else None) or DEFAULT_PORT


def _refuse_contradiction(options: argparse.Namespace) -> None:
    if words := contradiction(options.run_dir, options.port):
        raise ControlError(words)


def _stop(options: argparse.Namespace) -> None:
    _refuse_contradiction(options)
    port = recorded_port(options.run_dir)
    stopped = stop(RunFolder(options.run_dir), grace_s=options.grace_s)
    where = f" (port {port}, RUN_DIR={options.run_dir})" if port else ""
    print(f"stopped{where}" if stopped else f"no server is running from {options.run_dir}")
    unnamed = options.run_dir == Path("run")
    if not stopped and unnamed and (others := describe_others(options.run_dir)):
        print(others)


def _check(options: argparse.Namespace) -> None:
    folder = RunFolder(options.run_dir)
    print(check(folder, options.model_name, options.of, timeout_s=options.timeout_s))


def _logs(options: argparse.Namespace) -> None:
    text = diagnosis.tail(RunFolder(options.run_dir).logs, options.lines)
    if not text:
        raise ControlError(f"there are no logs in {options.run_dir}; start with `make serve`")
    print(text)


if __name__ == "__main__":
    sys.exit(main())
