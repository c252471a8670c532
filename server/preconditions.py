"""What must hold before a server can start, asked before an archive is built for it.

`server.start` asks again where it matters: between the two, a port may be taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.errors import StartError
from server.gateway.caddy import find_caddy
from server.leftovers import find_orphans
from server.ports import check_free
from server.tls import check_given

if TYPE_CHECKING:
    from server.ports import Ports
    from server.profiles import Profile
    from server.run_folder import RunFolder

# Of the kernel's `sun_path`, without the zero byte at its end: see unix(7).
_LONGEST_SOCKET = 107
_SOCKET = ".ts.sock.99999"  # a worker's, in the server's TMPDIR


def check_start(ports: Ports, profile: Profile, folder: RunFolder, *, restart: bool) -> None:
    """Check that a server could start from a run folder, once there is an archive.

    Args:
        ports: Where it would listen.
        profile: Who could reach it.
        folder: Its run folder.
        restart: Whether a server that runs there would make way, and leave its ports.

    Raises:
        StartError: It could not; the message says why.
    """
    check_length(folder)
    find_caddy()
    running = folder.server()
    if running and not restart:
        raise StartError(
            f"a server is already running from {folder.path} (process {running[0].pid}, port "
            f"{running[1]}); stop it with `make stop`, or run another beside it with RUN_DIR=..."
        )
    if profile.given:
        check_given(profile.given)
    folder.check_own()
    # What a dead server left gives its ports back when the next one starts.
    if running[1] != ports.inference if running else not find_orphans(folder):
        check_free(ports, profile.host)


def check_length(folder: RunFolder) -> None:
    """Check that the workers' sockets fit in the run folder.

    Raises:
        StartError: The path of the run folder is too long.
    """
    beyond = len(bytes(folder.temporary.resolve() / _SOCKET)) - _LONGEST_SOCKET
    if beyond > 0:
        raise StartError(
            f"RUN_DIR={folder.path} is {beyond} bytes too long for the Unix sockets of the "
            "workers; choose a shorter one, such as RUN_DIR=/tmp/run"
        )
