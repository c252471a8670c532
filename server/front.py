"""The front of one server: its keys, and its place in the run folder."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from classifier.cores import usable_cores
from client.api.key_file import OWN_KEY, read_key_file
from client.errors import ClientError
from server.errors import Busy
from server.gateway.caddy import Caddy
from server.gateway.configuration import Front, Secrets, Way, configuration
from server.gateway.errors import GatewayError
from server.gateway.keys import make_client_key, read_client_keys
from server.gateway.lanes import lanes_for
from server.properties import get_properties

if TYPE_CHECKING:
    from pathlib import Path

    from server.ports import Ports
    from server.profiles import Profile
    from server.run_folder import RunFolder
    from server.tls import KeyPair

logger = logging.getLogger(__name__)


@dataclass
class ServerFront:
    """What the front of a server is made of.

    Attributes:
        folder: The server's run folder.
        ports: Of the server.
        profile: On which interface it listens.
        pair: Its certificate and key; None for plain HTTP.
        clients: A folder with more clients' keys than the run folder's.
    """

    folder: RunFolder
    ports: Ports
    profile: Profile
    pair: KeyPair | None = None
    clients: Path | None = None
    _told: str = field(default="", init=False, repr=False)

    def check_keys(self) -> None:
        """Create the key of this machine's own client, if it has none, and check all others.

        Raises:
            GatewayError: A key is none, or open to others.
        """
        make_client_key(self.folder.clients, OWN_KEY[1])
        self._clients()

    def start(self) -> None:
        """Start it, unless it runs; TorchServe has written its keys.

        Raises:
            GatewayError: It does not start.
            ClientError: TorchServe's keys cannot be read.
        """
        if not self._caddy.is_running():
            self._caddy.start(self._configuration(), self.folder.logs / "console.log")

    def keep(self) -> None:
        """Start it again if it has ended by itself, and make it take keys that have changed.

        A mistake in them, or in a new certificate, changes nothing: in a Secret, it must not take
        all replicas down at once.
        """
        try:
            if self._caddy.is_running():
                self._caddy.update(self._configuration())
                return
            with self.folder.locked():  # or who holds the lock has ended it
                logger.warning("the front ended by itself, and is started again")
                self.start()
        except Busy:
            return
        except (GatewayError, ClientError, OSError) as error:
            if str(error) != self._told:
                logger.warning("the front is as it was: %s", error)
            self._told = str(error)

    @cached_property
    def _caddy(self) -> Caddy:
        return Caddy(self.folder.front)

    def _clients(self) -> dict[str, str]:
        keys = read_client_keys(self.folder.clients)
        more = read_client_keys(self.clients) if self.clients else {}
        if twice := keys.keys() & more.keys():
            raise GatewayError(
                f"{self.clients}: {', '.join(sorted(twice))} has a key in {self.folder.clients}, "
                "too; rename one of the files"
            )
        return keys | more

    def _configuration(self) -> dict[str, object]:
        properties = get_properties(self.folder.config.read_text(encoding="utf-8"))
        ports, host = self.ports, self.profile.host
        largest = int(properties["max_request_size"])
        pair = (self.pair.certificate, self.pair.key) if self.pair else ()
        front = Front(
            rest=Way(host, ports.inference, ports.behind),
            grpc=Way(host, ports.grpc_inference, ports.grpc_behind),
            lanes=lanes_for(int(properties["job_queue_size"]), largest, usable_cores()),
            largest_request=largest,
            sockets=self.folder.front.resolve(),
            log=str(self.folder.logs.resolve() / "front.log"),
        )
        secrets = Secrets(
            self._clients(),
            read_key_file(self.folder.key_file).inference.value,
            *(path.read_text(encoding="ascii") for path in pair),
        )
        return configuration(front, secrets)


def end_front(folder: RunFolder, grace_s: float) -> bool | None:
    """Let the front of a run folder finish its requests, for at most `grace_s` seconds.

    Returns:
        Whether it has finished them all; None if there is no front.
    """
    return Caddy(folder.front).end(grace_s)
