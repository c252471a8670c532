"""One nginx: its folder, its process and its signals.

nginx.conf          a copy of the one beside this module
listen/*.conf       ports, certificate, TorchServe's address, folders for bodies
keys/*              the keys of TorchServe, the clients and the certificate, mode 0600
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from server.gateway.errors import GatewayError
from storage.files import write_text

_CONF = Path(__file__).with_name("nginx.conf")
_TLS = (
    "ssl_certificate keys/certificate.pem;\n"
    "ssl_certificate_key keys/certificate-key.pem;\n"
    "ssl_protocols TLSv1.2 TLSv1.3;\n"
)
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True)
class Places:
    """Where the gateway and TorchServe listen.

    Attributes:
        address: Interface to listen on, such as ``0.0.0.0``.
        port: For predictions.
        metrics_port: For Prometheus, without a key.
        server_port: TorchServe's inference port on loopback; its metrics port is two higher.
        tls: Whether to speak HTTPS, with `keys/certificate.pem` and `keys/certificate-key.pem`.
    """

    address: str
    port: int
    metrics_port: int
    server_port: int
    tls: bool = False


class Nginx:
    """An nginx that belongs to this process.

    Args:
        folder: For its configuration and temporary files; need not survive a restart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, places: Places) -> None:
        """Write everything but the keys."""
        for name in ("listen", "keys", *_TEMPORARY):
            (self._folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(_CONF, self._folder / "nginx.conf")
        temporary = "".join(f"{n}_temp_path {self._folder / n};\n" for n in _TEMPORARY)
        # If root starts nginx, its workers would run as nobody, who cannot read these folders.
        user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
        listen = f"{places.address}:{places.port}"
        listens = {
            "paths": temporary,
            "user": user,
            "service": f"listen {listen} ssl;\n{_TLS}" if places.tls else f"listen {listen};\n",
            "metrics": f"listen {places.address}:{places.metrics_port};\n",
            "upstreams": _upstream("inference", places.server_port)
            + _upstream("metrics", places.server_port + 2),
        }
        for name, text in listens.items():
            (self._folder / "listen" / f"{name}.conf").write_text(text, encoding="utf-8")

    def set_keys(self, name: str, text: str) -> bool:
        """Write `keys/<name>`; return whether it changed."""
        path = self._folder / "keys" / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return False
        write_text(path, text, mode=0o600)
        return True

    def start(self) -> None:
        """Start nginx.

        Raises:
            GatewayError: nginx is not installed, or refuses its configuration.
        """
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise GatewayError("nginx is not installed; install it, e.g. apt-get install nginx")
        command = [program, "-p", f"{self._folder}/", "-c", "nginx.conf", "-e", "stderr"]
        test = subprocess.run(  # noqa: S603  our own command line
            [*command, "-q", "-t"], capture_output=True, text=True, check=False
        )
        if test.returncode:
            raise GatewayError(f"nginx refuses its configuration: {test.stderr.strip()}")
        self._process = subprocess.Popen([*command, "-g", "daemon off;"])  # noqa: S603  as above

    def is_running(self) -> bool:
        """Whether nginx is running."""
        return self._process is not None and self._process.poll() is None

    def reload(self) -> None:
        """Make nginx read its keys again; requests in flight finish with the old ones."""
        self._signal(signal.SIGHUP)

    def end(self, grace_s: float) -> None:
        """Let nginx finish its requests, then stop it; by force after `grace_s` seconds."""
        self._signal(signal.SIGQUIT)
        if self._process is None:
            return
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


def _upstream(name: str, port: int) -> str:
    return f"upstream {name} {{ server 127.0.0.1:{port}; keepalive 32; }}\n"
