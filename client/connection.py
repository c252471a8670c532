"""One server, as the command line or web page names it: its addresses and clients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from client.api.inference import InferenceClient
from client.api.management import ManagementClient
from client.api.tokens import Tokens, find_tokens

if TYPE_CHECKING:
    from pathlib import Path

    from client.api.addresses import Addresses
    from client.api.trust import Trust


@dataclass(frozen=True)
class Connection:
    """One server, as the command line names it.

    `run_dir` is the server's working directory, with its key file; None to use no file, such as
    for a remote server, which must not be sent this machine's keys.
    """

    addresses: Addresses
    model: str
    run_dir: Path | None
    timeout_s: float
    trust: Trust | None = None

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of this server."""
        return find_tokens(self.run_dir, self.addresses.management)

    def inference(self, version: str | None = None) -> InferenceClient:
        """Return a client of the inference API."""
        return InferenceClient(
            self.addresses.inference,
            self.model,
            version=version,
            tokens=self.tokens,
            timeout_s=self.timeout_s,
            trust=self.trust,
        )

    def management(self) -> ManagementClient:
        """Return a client of the management API."""
        return ManagementClient(
            self.addresses.management, tokens=self.tokens, timeout_s=self.timeout_s
        )
