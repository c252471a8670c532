"""Runs nginx in front of the TorchServe of a run folder, and updates its keys as they change.

The process keeps running; on SIGTERM, nginx finishes its requests and both exit.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from client.api.addresses import DEFAULT_PORT
from client.api.key_file import KEY_FILE_NAME
from client.api.tokens import Tokens
from client.errors import ClientError
from console.arguments import seconds
from console.progress import show_log
from server.gateway.errors import GatewayError
from server.gateway.keys import clients_conf, read_client_keys, server_conf
from server.gateway.nginx import Nginx, Places

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

_POLL_S = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Run the gateway until SIGTERM; return the exit code."""
    options = build_parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    show_log(logging.WARNING)
    nginx = Nginx(options.folder)
    try:
        _run(nginx, options)
    except KeyboardInterrupt:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the wait short
        nginx.end(options.grace_s)
        return 0
    except (GatewayError, ClientError, OSError) as error:
        nginx.end(0)
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command."""
    parser = argparse.ArgumentParser(prog="python -m server.gateway", description=__doc__)
    parser.add_argument("--clients", type=Path, required=True, help="folder with one key per file")
    parser.add_argument("--run-dir", type=Path, default=Path("run"), help="the server's run folder")
    parser.add_argument("--folder", type=Path, required=True, help="for nginx's own files")
    parser.add_argument(
        "--server-port", type=int, default=DEFAULT_PORT, help="TorchServe's for inference"
    )
    parser.add_argument("--address", default="127.0.0.1", help="to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8443, help="to listen on (%(default)s)")
    parser.add_argument("--metrics-port", type=int, default=8444, help="for Prometheus")
    parser.add_argument("--certificate", type=Path, help="PEM file; default: plain HTTP")
    parser.add_argument("--certificate-key", type=Path, help="PEM file")
    parser.add_argument("--grace-s", type=seconds, default=30.0, help="longest wait for requests")
    return parser


def _run(nginx: Nginx, options: argparse.Namespace) -> None:
    if bool(options.certificate) != bool(options.certificate_key):
        raise GatewayError("--certificate and --certificate-key belong together")
    nginx.configure(
        Places(
            options.address,
            options.port,
            options.metrics_port,
            options.server_port,
            tls=bool(options.certificate),
        )
    )
    management_url = f"http://127.0.0.1:{options.server_port + 1}"
    tokens = Tokens(options.run_dir / KEY_FILE_NAME, management_url)
    _hand_over(nginx, _read_keys(options) | {"server.conf": server_conf(_wait_for_key(tokens))})
    nginx.start()
    while nginx.is_running():
        time.sleep(_POLL_S)
        try:
            keys = _read_keys(options)
        except (GatewayError, OSError) as error:
            # A mistake in a Secret must not take all replicas down at once.
            logger.warning("the keys are unchanged: %s", error)
            continue
        # While the server restarts there is no key; the old one is no longer valid.
        if (key := _current(tokens)) is not None:
            keys["server.conf"] = server_conf(key)
        if _hand_over(nginx, keys):
            nginx.reload()
    raise GatewayError("nginx exited by itself; its output above says why")


def _read_keys(options: argparse.Namespace) -> dict[str, str]:
    """Return the contents of nginx's folder of keys by file name, without the server's own key."""
    keys = {"clients.conf": clients_conf(read_client_keys(options.clients))}
    if options.certificate:
        keys["certificate.pem"] = options.certificate.read_text(encoding="ascii")
        keys["certificate-key.pem"] = options.certificate_key.read_text(encoding="ascii")
    return keys


def _hand_over(nginx: Nginx, keys: Mapping[str, str]) -> bool:
    """Write all keys; return whether any of them changed."""
    changed = {name for name, text in keys.items() if nginx.set_keys(name, text)}
    return bool(changed)


def _wait_for_key(tokens: Tokens) -> str:
    while (key := _current(tokens)) is None:
        time.sleep(_POLL_S)
    return key


def _current(tokens: Tokens) -> str | None:
    """Return the server's key, renewed if it is about to expire; None without a server."""
    try:
        return tokens.current("inference")
    except ClientError:
        return None


if __name__ == "__main__":
    sys.exit(main())
