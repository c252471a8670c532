"""What the page is started with: the server, a second one to compare it with, its own address.

Not responsible for what a server's options mean: they are those of the command line client.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from client.api.addresses import addresses_from
from client.api.tokens import find_tokens
from client.commands.server_options import add_server_options, connection_from
from client.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client.api.tokens import Tokens

LOOPBACK = "127.0.0.1"
DEFAULT_PAGE_PORT = 7860
# A key is sent only to the server that it was given for.
_COMPARE_PREFIX = "MARIGOLD_COMPARE_"


@dataclass(frozen=True)
class Settings:
    """Where things are; `other` is None where no second server was named."""

    server: Connection
    other: Connection | None
    host: str
    port: int
    opens_browser: bool


class OtherConnection(Connection):
    """The second server, whose keys have names of their own in the environment."""

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
    """Read the command line; exits with 2 where it is wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    server = connection_from(options, parser)
    try:
        other = _other(options, server)
    except ValueError as error:
        parser.error(f"--compare or --compare-management: {error}")
    return Settings(server, other, options.page_host, options.page_port, options.open)


def _other(options: argparse.Namespace, server: Connection) -> Connection | None:
    if options.compare is None:
        return None
    addresses = addresses_from(options.compare, options.compare_management)
    return OtherConnection(addresses, server.model, options.compare_run_dir, server.timeout_s)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ui", description="Open the page to try it on.")
    add_server_options(parser)
    group = parser.add_argument_group("comparison")
    group.add_argument("--compare", metavar="URL", help="inference API of a second server")
    group.add_argument("--compare-management", metavar="URL", help="its management API")
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
        help="address to listen on (%(default)s); whoever reaches the page uses the server's key",
    )
    group.add_argument("--page-port", type=int, default=DEFAULT_PAGE_PORT, help="(%(default)d)")
    group.add_argument("--open", action="store_true", help="open a browser, too")
    return parser
