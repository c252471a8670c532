"""Shell and Python code that does what the page just did, and runs as it stands on this machine.

It says where to get the key, and never contains it. A photo is named by the page's own copy, which
is there for an hour: a browser does not say where a photo came from.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from client.api.key_file import OWN_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client.connection import Connection

_ROOT = Path(__file__).resolve().parents[1]
_MOST = 3  # photos
_KEY_OF_THE_ENVIRONMENT = "$MARIGOLD_INFERENCE_KEY"


def curl_lines(connection: Connection, paths: Sequence[Path]) -> str:
    """Return curl commands that classify the files, and one that explains the first."""
    url, model = connection.addresses.inference, quote(connection.model, safe="")
    certificate = _certificate(connection)
    ca = f"--cacert {shlex.quote(certificate)} " if certificate else ""
    header = f'{ca}-H "Authorization: Bearer $KEY"'
    lines = [f'KEY="{_shell_key(connection)}"'] if paths else []
    lines += [
        f"curl {header} -T {shlex.quote(str(path))} {url}/predictions/{model}"
        for path in paths[:_MOST]
    ]
    if paths:
        picture = f"{header} -H 'Accept: image/png' -T {shlex.quote(str(paths[0]))}"
        lines.append(f"curl {picture} {url}/explanations/{model} -o explanation.png")
    return "\n".join(lines)


def requests_lines(connection: Connection, paths: Sequence[Path]) -> str:
    """Return Python code that needs `requests` alone, and nothing of this repository."""
    url = f"{connection.addresses.inference}/predictions/{quote(connection.model, safe='')}"
    certificate = _certificate(connection)
    verify = f", verify={certificate!r}" if certificate else ""
    if connection.run_dir:
        key_file = str(connection.run_dir.joinpath(*OWN_KEY).resolve())
        imports = ["from pathlib import Path", "", "import requests", ""]
        key = f"Path({key_file!r}).read_text().strip()"
    else:
        imports = ["import os", "from pathlib import Path", "", "import requests", ""]
        key = 'os.environ["MARIGOLD_INFERENCE_KEY"]'
    return "\n".join(
        [
            *imports,
            f"key = {key}",
            'headers = {"Authorization": f"Bearer {key}"}',
            f"for photo in {[str(path) for path in paths[:_MOST]]!r}:",
            "    reply = requests.post(",
            f"        {url!r},",
            f"        data=Path(photo).read_bytes(), headers=headers, timeout=30{verify},",
            "    )",
            "    print(photo, reply.status_code, reply.json())",
        ]
    )


def client_lines(connection: Connection, paths: Sequence[Path]) -> str:
    """Return Python code that does the same with this project's client."""
    addresses = connection.addresses
    run_dir = f"Path({str(connection.run_dir.resolve())!r})" if connection.run_dir else "None"
    certificate = _certificate(connection)
    trust = f", trust=Trust(pinned=Path({certificate!r}))" if certificate else ""
    photos = ", ".join(f"Path({str(path)!r})" for path in paths[:_MOST])
    return "\n".join(
        [
            "from pathlib import Path",
            "",
            "from client.api.inference import InferenceClient",
            "from client.api.tokens import find_tokens",
            *(["from client.api.trust import Trust"] if trust else []),
            "",
            f"tokens = find_tokens({run_dir}, {addresses.management!r})",
            f"url, model = {addresses.inference!r}, {connection.model!r}",
            f"client = InferenceClient(url, model, tokens=tokens{trust})",
            f"for path, result in client.predict_many([{photos}]):",
            "    print(path, result)",
        ]
    )


def _certificate(connection: Connection) -> str:
    """Return the file of the certificate that this server is known by; empty for none."""
    trust = connection.trust
    path = (trust.pinned or trust.ca_file) if trust else None
    return str(path.resolve()) if path else ""


def _shell_key(connection: Connection) -> str:
    if connection.run_dir is None:
        return _KEY_OF_THE_ENVIRONMENT
    folder, run_dir = shlex.quote(str(_ROOT)), connection.run_dir.resolve()
    named = "" if run_dir == _ROOT / "run" else f" {shlex.quote(f'RUN_DIR={run_dir}')}"
    return f"$(make -s -C {folder} token{named})"
