"""Shell and Python code that does what the page just did.

It says where to get the key, and never contains it.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client.connection import Connection

_KEY_OF_A_FILE = "$(make -s token{options})"
_KEY_OF_THE_ENVIRONMENT = "$MARIGOLD_INFERENCE_KEY"


def curl_lines(connection: Connection, names: Sequence[str]) -> str:
    """Return curl commands that classify the files, and one that explains the first."""
    url, model = connection.addresses.inference, quote(connection.model, safe="")
    header = f'-H "Authorization: Bearer {_shell_key(connection)}"'
    lines = [
        f"curl {header} -T {shlex.quote(name)} {url}/predictions/{model}" for name in names[:3]
    ]
    if names:
        picture = f"{header} -H 'Accept: image/png' -T {shlex.quote(names[0])}"
        lines.append(f"curl {picture} {url}/explanations/{model} -o explanation.png")
    return "\n".join(lines)


def python_lines(connection: Connection, names: Sequence[str]) -> str:
    """Return Python code that does the same with this project's client."""
    addresses = connection.addresses
    run_dir = f"Path({str(connection.run_dir)!r})" if connection.run_dir else "None"
    paths = ", ".join(f"Path({name!r})" for name in names[:3])
    return "\n".join(
        [
            "from pathlib import Path",
            "",
            "from client.api.inference import InferenceClient",
            "from client.api.tokens import find_tokens",
            "",
            f"tokens = find_tokens({run_dir}, {addresses.management!r})",
            f"url, model = {addresses.inference!r}, {connection.model!r}",
            "client = InferenceClient(url, model, tokens=tokens)",
            f"for path, result in client.predict_many([{paths}]):",
            "    print(path, result)",
        ]
    )


def _shell_key(connection: Connection) -> str:
    if connection.run_dir is None:
        return _KEY_OF_THE_ENVIRONMENT
    port = connection.addresses.inference.rpartition(":")[2]
    options = f" PORT={port} RUN_DIR={connection.run_dir}"
    return _KEY_OF_A_FILE.format(options="" if options == " PORT=8080 RUN_DIR=run" else options)
