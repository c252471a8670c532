"""`make tune`: finds the fastest settings for this machine.

Tries workers, threads, batch size, delay and the front end's settings one after the other, and
prints those with the highest throughput while 99 % of the answers take at most `--p99-ms`.
`--write` writes them to config/model-config.yaml and config/config.properties.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import shutil
import sys
from pathlib import Path

from archive.members import MODEL_CONFIG
from bench.lab.config_files import set_properties, set_yaml
from bench.lab.environments import ROOT
from bench.lab.errors import BenchError, LoadFailed, PeerFailed
from bench.lab.plan import FULL, Plan
from bench.lab.servers.marigold import Marigold
from bench.lab.subject import CORES, Subject, find_photos, prepare
from bench.lab.variants import remove, variant
from bench.lab.visit import visit
from bench.tune.knobs import WORKERS, Knob, Settings, current, knobs, split
from bench.tune.search import Figures, Rounds, Trial, descend
from classifier.errors import ClassifierError
from client.operations.model_store import CONFIG_NAME
from console.arguments import count, seconds
from console.ending import exit_code_of
from console.progress import show_log
from server.errors import ControlError
from train.errors import TrainError
from train.model_url import model_path

logger = logging.getLogger(__name__)

CONFIG = ROOT / "config"
PROPERTIES = CONFIG_NAME


class Tuner:
    """Measures settings, with one archive and one configuration folder per running server.

    Args:
        subject: The archive and the photos.
        all_knobs: The settings that may change.
        plan: How long to measure, and with how many clients.
        rounds: How often two settings take turns.
    """

    def __init__(self, subject: Subject, all_knobs: list[Knob], plan: Plan, rounds: int) -> None:
        self._subject, self._knobs, self._plan, self._rounds = subject, all_knobs, plan, rounds

    def measure(self, best: Settings, candidate: Settings) -> Rounds | None:
        """Measure the best settings and a candidate in turns; None if the candidate fails."""
        runs: dict[str, list[Figures]] = {"best": [], "candidate": []}
        for number in range(self._rounds):
            pair = [("best", best), ("candidate", candidate)]
            for name, settings in pair if number % 2 == 0 else reversed(pair):
                try:
                    runs[name].append(self._one(settings))
                except (PeerFailed, LoadFailed) as error:
                    if name == "best":
                        raise
                    logger.warning("  %s", error)
                    return None
        return list(zip(runs["best"], runs["candidate"], strict=True))

    def _one(self, settings: Settings) -> Figures:
        model, properties = split(self._knobs, settings)
        folder = self._subject.work / "tune"
        config = folder / "config"
        shutil.rmtree(config, ignore_errors=True)
        shutil.copytree(CONFIG, config)
        text = (CONFIG / PROPERTIES).read_text(encoding="utf-8")
        (config / PROPERTIES).write_text(set_properties(text, properties), encoding="utf-8")
        mar = variant(self._subject.mar, model, folder / "mar")
        # Passed to the launcher too, which divides the cores among the workers.
        server = Marigold(mar=mar, workers=model.get(WORKERS), config=config, name="tune")
        try:
            with visit(server, self._subject, self._plan) as at:
                run = at.closed(self._plan.main_clients, self._plan.seconds)
        finally:
            remove(mar)
        return Figures(run["throughput"], run["p99_ms"])


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    show_log()
    return exit_code_of(
        lambda: _tune(options),
        BenchError,
        ControlError,
        ClassifierError,
        TrainError,
        after_interrupt="; nothing was written",
    )


def _tune(options: argparse.Namespace) -> None:
    options.work.mkdir(parents=True, exist_ok=True)
    subject = prepare(
        options.mar, model_path(options.model), find_photos(options.photos)[:100], options.work
    )
    model_config = (CONFIG / MODEL_CONFIG).read_text(encoding="utf-8")
    properties = (CONFIG / PROPERTIES).read_text(encoding="utf-8")
    all_knobs = knobs(model_config, properties, CORES)
    if options.only:
        names = options.only.split(",")
        all_knobs = [knob for knob in all_knobs if knob.name in names]
    start = best = current(all_knobs, model_config, properties)
    plan = dataclasses.replace(FULL, main_clients=options.clients, seconds=options.seconds)
    tuner = Tuner(subject, all_knobs, plan, options.rounds)
    print("| setting | value | photos/s | best at the time | p99, ms | |")
    print("|---|---|---:|---:|---:|---|")
    for step in descend(start, all_knobs, tuner.measure, options.p99_ms, options.passes):
        print(_row(step.trial), flush=True)
        best = step.best
    changed = {name: value for name, value in best.items() if value != start[name]}
    if not changed:
        print("\nThe current settings are the best of those tried.")
        return
    print("\nBest: " + ", ".join(f"{name}={value}" for name, value in changed.items()))
    if options.write:
        model, server = split(all_knobs, changed)
        (CONFIG / MODEL_CONFIG).write_text(set_yaml(model_config, model), encoding="utf-8")
        (CONFIG / PROPERTIES).write_text(set_properties(properties, server), encoding="utf-8")
        print(f"written to {CONFIG.name}/; `make archive serve` uses them")


def _row(trial: Trial) -> str:
    if trial.candidate is None or trial.best is None:
        return f"| {trial.name} | {trial.value} | - | - | - | does not run |"
    return (
        f"| {trial.name} | {trial.value} | {trial.candidate.throughput:.0f} "
        f"| {trial.best.throughput:.0f} | {trial.candidate.p99_ms:.0f} "
        f"| {'taken' if trial.taken else ''} |"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.tune", description=__doc__)
    parser.add_argument("--mar", type=Path, default=Path("model-store/flowers.mar"))
    parser.add_argument("--model", default="pretrained", help="its model folder, or its bucket's")
    parser.add_argument("--photos", type=Path, default=Path("data_set/val"), help="JPEG files")
    parser.add_argument("--work", type=Path, default=Path("build/bench"), help="scratch folder")
    parser.add_argument("--p99-ms", type=float, default=50.0, help="bound of the latency")
    parser.add_argument("--clients", type=count, default=16)
    parser.add_argument("--seconds", type=seconds, default=4.0, help="of each run under load")
    parser.add_argument("--rounds", type=count, default=3, help="how often two settings take turns")
    parser.add_argument("--passes", type=count, default=1, help="passes over all settings")
    parser.add_argument("--only", metavar="NAMES", help="settings, such as batchSize,vmargs")
    parser.add_argument("--write", action="store_true", help="write the best into config/")
    return parser


if __name__ == "__main__":
    sys.exit(main())
