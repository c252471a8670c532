"""A real S3 endpoint on a free loopback port, and buckets in it, through plain HTTP."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TIMEOUT_S = 60
# Any signature will do, but none makes the request that of a stranger, who may change nothing.
_SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
}
# Never the credentials or settings of the machine that runs the tests.
FOREIGN = re.compile(r"(AWS|OBS|S3)_.*")


@dataclass(frozen=True)
class S3:
    """The endpoint; it checks no signatures."""

    url: str

    def make_bucket(self, bucket: str) -> None:
        """Make an empty bucket."""
        self._send("PUT", bucket)

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Write an object."""
        self._send("PUT", f"{bucket}/{quote(key)}", content)

    def put_folder(self, bucket: str, prefix: str, folder: Path) -> None:
        """Write every file of a folder."""
        for path in folder.rglob("*"):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                self.put(bucket, f"{prefix}/{name}", path.read_bytes())

    def get(self, bucket: str, key: str) -> bytes:
        """Read an object."""
        return self._send("GET", f"{bucket}/{quote(key)}")

    def keys(self, bucket: str) -> set[str]:
        """List a bucket of at most a thousand objects."""
        page = self._send("GET", bucket).decode()
        return set(re.findall(r"<Key>([^<]+)</Key>", page))

    def _send(self, method: str, path: str, content: bytes = b"") -> bytes:
        reply = requests.request(
            method, f"{self.url}/{path}", data=content, headers=_SIGNED, timeout=_TIMEOUT_S
        )
        reply.raise_for_status()
        return reply.content

    def environment(self, home: Path) -> dict[str, str]:
        """Return the variables under which programs use it; what they cache stays in `home`."""
        return {
            "OBS_ENDPOINT": self.url,
            "OBS_ACCESS_KEY_ID": "test-access-key",
            "OBS_SECRET_ACCESS_KEY": "test-secret-key",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(home / "no-aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "no-aws-credentials"),
            "XDG_CACHE_HOME": str(home / "cache"),
        }


@contextlib.contextmanager
def running_s3() -> Iterator[S3]:
    """Run the endpoint; it is ready when it says where it listens."""
    command = [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        # What it logs must be read on: it would stop at a full pipe.
        drain = threading.Thread(target=lambda log: log.read(), args=(process.stderr,))
        try:
            lines = iter(process.stderr.readline, "")
            found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in lines)
            address = next((match[0] for match in found if match), None)
            assert address, "the S3 endpoint ended before it listened"
            drain.start()
            yield S3(address)
        finally:
            process.terminate()
            if drain.is_alive():
                drain.join()
