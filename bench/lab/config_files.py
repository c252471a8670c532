"""Changes values in configuration files and keeps their comments and order."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from bench.lab.errors import Unusable

if TYPE_CHECKING:
    from collections.abc import Mapping


def set_yaml(text: str, values: Mapping[str, int]) -> str:
    """Set values in a `model-config.yaml`.

    Args:
        text: The file's contents.
        values: By name; `handler.decode_threads` is in the section `handler:`.

    Raises:
        Unusable: The file has no such value.
    """
    yaml = _yaml()
    config = yaml.load(text)
    for dotted, value in values.items():
        section, _, name = dotted.rpartition(".")
        within = config.get(section, {}) if section else config
        if name not in within:
            raise Unusable(f"model-config.yaml has no {dotted}")
        within[name] = value
    changed = io.StringIO()
    yaml.dump(config, changed)
    return changed.getvalue()


def get_yaml_names(text: str) -> set[str]:
    """Return the names of the values in a `model-config.yaml`, in the form of `set_yaml`."""
    names = set()
    for name, value in _yaml().load(text).items():
        names |= {f"{name}.{inner}" for inner in value} if isinstance(value, dict) else {name}
    return names


def _yaml() -> YAML:
    yaml = YAML()  # keeps comments and order, which PyYAML does not
    yaml.preserve_quotes = True
    yaml.width = 1000  # otherwise it wraps long lines
    return yaml


def set_properties(text: str, values: Mapping[str, str]) -> str:
    """Set values in a `config.properties`; missing names are added at the end."""
    for name, value in values.items():
        line = f"{name}={value}"
        pattern = re.compile(rf"^{re.escape(name)}=.*$", re.MULTILINE)
        if pattern.search(text):
            text = pattern.sub(lambda _, line=line: line, text)  # type: ignore[misc]
        else:
            text = f"{text.rstrip()}\n{line}\n"
    return text
