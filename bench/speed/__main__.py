"""The command behind `make bench`: measures, and writes docs/benchmarks.json, .md and the plots.

It takes about 25 minutes on two cores, `--quick` about five. Results are written after every step;
`--resume` keeps the steps that an earlier run finished.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from bench.lab.environments import ROOT
from bench.lab.errors import BenchError
from bench.lab.plan import FULL, QUICK, Plan
from bench.lab.subject import find_photos, prepare
from bench.speed import report, run
from bench.speed.results import Results
from classifier.errors import ClassifierError
from console.arguments import count, seconds
from console.ending import exit_code_of
from console.progress import show_log
from server.errors import ControlError
from train.errors import TrainError
from train.model_url import model_path

MAX_PHOTOS = 100


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return its exit code."""
    options = _parser().parse_args(arguments)
    show_log(times=True)
    return exit_code_of(
        lambda: _run(options),
        BenchError,
        ControlError,
        ClassifierError,
        TrainError,
        after_interrupt="; --resume goes on from here",
    )


def _run(options: argparse.Namespace) -> None:
    plan = _plan(options)
    results = Results(options.output.with_suffix(".json"), resume=options.resume or options.report)
    if not options.report:
        options.work.mkdir(parents=True, exist_ok=True)
        photos = find_photos(options.photos)[:MAX_PHOTOS]
        subject = prepare(options.mar, model_path(options.model), photos, options.work)
        second = None
        if options.second:
            mar, model = Path(options.second[0]), model_path(options.second[1])
            second = prepare(mar, model, photos, options.work / "second")
        run.measure(subject, plan, options.data_url, results, second=second)
    report.write(results.steps, options.output)
    print(f"wrote {options.output}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--mar", type=Path, default=Path("model-store/flowers.mar"))
    parser.add_argument("--model", default="pretrained", help="its model folder, or its bucket's")
    parser.add_argument(
        "--second",
        nargs=2,
        metavar=("MAR", "MODEL"),
        help="another archive to serve beside it, and its model folder",
    )
    parser.add_argument("--photos", type=Path, default=Path("data_set/val"), help="JPEG files")
    parser.add_argument("--data-url", type=Path, help="data set, for the accuracy")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--work", type=Path, default=Path("build/bench"), help="scratch folder")
    parser.add_argument("--quick", action="store_true", help="fewer servers, one round")
    parser.add_argument("--only", metavar="NAMES", help="servers, such as marigold,stock,fastapi")
    parser.add_argument("--seconds", type=seconds, help="of each run under load")
    parser.add_argument("--rounds", type=count, help="how often the servers take turns")
    parser.add_argument("--resume", action="store_true", help="keep what has been measured")
    parser.add_argument("--report", action="store_true", help="only write the report again")
    return parser


def _plan(options: argparse.Namespace) -> Plan:
    """Return the plan for the options.

    Raises:
        BenchError: A server is unknown.
    """
    plan = QUICK if options.quick else FULL
    changes = {
        name: value
        for name in ("seconds", "rounds")
        if (value := getattr(options, name)) is not None
    }
    if options.seconds is not None:
        changes["main_seconds"] = options.seconds
    if options.only:
        changes["servers"] = tuple(options.only.split(","))
        if unknown := set(changes["servers"]) - set(FULL.servers):
            raise BenchError(
                f"unknown servers: {', '.join(sorted(unknown))}; "
                f"known are {', '.join(FULL.servers)}"
            )
    return dataclasses.replace(plan, **changes)


if __name__ == "__main__":
    sys.exit(main())
