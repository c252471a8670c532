"""The page's command line: the server, a second one to compare it with, the page's address.

A server's options are those of the command line client.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from client.api.addresses import addresses_from
from client.api.tokens import find_tokens
from client.commands.arguments import single_port
from client.commands.server_options import add_server_options, connection_from
from client.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client.api.tokens import Tokens

LOOPBACK = "127.0.0.1"
DEFAULT_PAGE_PORT = 7860
# A key is sent only to its own server.
_COMPARE_PREFIX = "MARIGOLD_COMPARE_"


@dataclass(frozen=True)
class Settings:
    """The settings; `other` is None without a second server."""

    server: Connection
    other: Connection | None
    host: str
    port: int
    opens_browser: bool
    corrections: Path = Path("corrections")


class OtherConnection(Connection):
    """The second server, whose keys have their own environment variables."""

    @property
    def tokens(self) -> Tokens:
        """The tokens of the second server."""
        renamed = {
            name.replace(_COMPARE_PREFIX, "MARIGOLD_"): value
            for name, value in os.environ.items()
            if name.startswith(_COMPARE_PREFIX)
        }
        return find_tokens(self.run_dir, self.addresses.management, renamed)


def read_settings(arguments: Sequence[str] | None = None) -> Settings:
    """Read the command line; exits with 2 if it is invalid."""
    parser = _parser()
    options = parser.parse_args(arguments)
    server = connection_from(options, parser)
    try:
        other = _other(options, server)
    except ValueError as error:
        parser.error(f"--compare or --compare-management: {error}")
    return Settings(
        server, other, options.page_host, options.page_port, options.open, options.corrections
    )


def _other(options: argparse.Namespace, server: Connection) -> Connection | None:
    if options.compare is None:
        return None
    addresses = addresses_from(options.compare, options.compare_management)
    model = options.compare_model or server.model
    return OtherConnection(addresses, model, options.compare_run_dir, server.timeout_s)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ui", description="Serve a page for trying it.")
    add_server_options(parser)
    group = parser.add_argument_group("comparison")
    group.add_argument("--compare", metavar="URL", help="inference API of a second server")
    group.add_argument("--compare-management", metavar="URL", help="its management API")
    group.add_argument(
        "--compare-model", metavar="NAME", help="its name for the model (that of --model)"
    )
    group.add_argument(
        "--compare-run-dir",
        metavar="FOLDER",
        type=Path,
        help="its working directory; else MARIGOLD_COMPARE_INFERENCE_KEY and _MANAGEMENT_KEY",
    )
    group = parser.add_argument_group("page")
    group.add_argument(
        "--page-host",
        default=LOOPBACK,
        help="address to listen on (%(default)s); its visitors use the server's key",
    )
    group.add_argument(
        "--page-port", type=single_port, default=DEFAULT_PAGE_PORT, help="(%(default)d)"
    )
    group.add_argument(
        "--corrections",
        type=Path,
        default=Path("corrections"),
        metavar="FOLDER",
        help="where corrected photos are saved (%(default)s)",
    )
    group.add_argument("--open", action="store_true", help="also open a browser")
    return parser
