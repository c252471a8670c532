"""Changes values in configuration files and leaves their comments and order alone."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from bench.lab.errors import Unusable

if TYPE_CHECKING:
    from collections.abc import Mapping


def set_yaml(text: str, values: Mapping[str, int]) -> str:
    """Set values in a `model-config.yaml`.

    Args:
        text: The file.
        values: By name; `handler.decode_threads` is in the section `handler:`.

    Raises:
        Unusable: The file has no such value.
    """
    lines = text.splitlines(keepends=True)
    # JSON's numbers, true and false are YAML's too.
    for dotted, value in values.items():
        section, _, name = dotted.rpartition(".")
        lines[_find(lines, section, name)] = re.sub(
            r"(:\s*)\S+", rf"\g<1>{json.dumps(value)}", lines[_find(lines, section, name)], count=1
        )
    return "".join(lines)


def get_yaml_names(text: str) -> set[str]:
    """Return the names of the values in a `model-config.yaml`, as `set_yaml` takes them."""
    names, section = set(), ""
    for line in text.splitlines():
        if match := re.match(r"(\s*)(\w+):\s*([^#\s]*)", line):
            indent, name, value = match.groups()
            if not indent:
                section = "" if value else f"{name}."
            if value:
                names.add(f"{section if indent else ''}{name}")
    return names


def set_properties(text: str, values: Mapping[str, str]) -> str:
    """Set values in a `config.properties`; a name that is missing is added at the end."""
    for name, value in values.items():
        line = f"{name}={value}"
        pattern = re.compile(rf"^{re.escape(name)}=.*$", re.MULTILINE)
        if pattern.search(text):
            text = pattern.sub(lambda _, line=line: line, text)  # type: ignore[misc]
        else:
            text = f"{text.rstrip()}\n{line}\n"
    return text


def get_properties(text: str) -> dict[str, str]:
    """Return the values of a `config.properties`."""
    pairs = (line.split("=", 1) for line in text.splitlines() if re.match(r"^\w+=", line))
    return {pair[0]: pair[1] for pair in pairs}


def _find(lines: list[str], section: str, name: str) -> int:
    within = ""
    for number, line in enumerate(lines):
        match = re.match(r"(\s*)(\w+):\s*([^#\s]*)", line)
        if not match:
            continue
        indent, found, value = match.groups()
        if not indent:
            within = "" if value else found
        if found == name and (within if indent else "") == section:
            return number
    raise Unusable(f"model-config.yaml has no {section + '.' if section else ''}{name}")
