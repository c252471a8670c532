"""The settings that `make tune` changes, the file of each, and the values to try.

A setting that the files lack is left out: the list follows the project, not vice versa.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from bench.lab.config_files import get_yaml_names
from server.properties import get_properties

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = int | str
Settings = dict[str, Value]

WORKERS = "minWorkers"
_VMARGS = "vmargs"
_COLLECTORS = ("-XX:+UseSerialGC", "-XX:+UseParallelGC", "-XX:+UseG1GC")
# Only the quick compiler: less CPU for compiling, slower code.
_QUICK_COMPILER = "-XX:TieredStopAtLevel=1"


@dataclass(frozen=True)
class Knob:
    """One setting.

    Attributes:
        name: Name in the form of `bench.lab.config_files`.
        values: Values to try.
        in_archive: Whether it is in model-config.yaml, else in config.properties.
    """

    name: str
    values: tuple[Value, ...]
    in_archive: bool


def knobs(model_config: str, properties: str, cores: int) -> list[Knob]:
    """Return the settings in these files, with the values worth trying on `cores` cores."""
    some_threads = tuple(sorted({1, 2, cores, 2 * cores}))
    model: dict[str, tuple[Value, ...]] = {
        WORKERS: tuple(sorted({1, max(1, cores // 2), cores})),
        "batchSize": (4, 8, 16, 32),
        "maxBatchDelay": (1, 2, 5, 10),
        "handler.decode_threads": some_threads,
        "handler.inference_threads": tuple(sorted({1, max(1, cores // 2), cores})),
        "handler.part_size": (2, 4, 8),
    }
    names = get_yaml_names(model_config)
    found = [Knob(name, values, in_archive=True) for name, values in model.items() if name in names]
    present = get_properties(properties)
    found += [
        Knob(name, some_threads, in_archive=False)
        for name in ("number_of_netty_threads", "netty_client_threads")
        if name in present
    ]
    if _VMARGS in present:
        found.append(Knob(_VMARGS, _vmargs(present[_VMARGS]), in_archive=False))
    return found


def current(knobs: Sequence[Knob], model_config: str, properties: str) -> Settings:
    """Read the current values of the settings."""
    model = yaml.safe_load(model_config)
    present = get_properties(properties)
    values: Settings = {}
    for knob in knobs:
        if knob.in_archive:
            section, _, name = knob.name.rpartition(".")
            values[knob.name] = int((model[section] if section else model)[name])
        else:
            text = present[knob.name]
            values[knob.name] = int(text) if text.isdigit() else text
    return values


def split(knobs: Sequence[Knob], settings: Settings) -> tuple[Mapping[str, int], dict[str, str]]:
    """Split settings into those of model-config.yaml and those of config.properties."""
    in_archive = {knob.name for knob in knobs if knob.in_archive}
    model = {name: int(value) for name, value in settings.items() if name in in_archive}
    return model, {n: str(value) for n, value in settings.items() if n not in in_archive}


def _vmargs(now: str) -> tuple[Value, ...]:
    """Return the JVM's options with each collector, without and with the optimising compiler."""
    rest = re.sub(r"\s*-XX:\+Use\w+GC|\s*-XX:TieredStopAtLevel=\d", "", now).strip()
    quick = [f"{rest} {collector} {_QUICK_COMPILER}" for collector in _COLLECTORS]
    return (*quick, f"{rest} {_COLLECTORS[0]}")
