"""Writes docs/benchmarks.md from the raw results, with the template `report.md.j2`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.lab.errors import Unusable
from bench.lab.figures import spread
from bench.lab.machine import int8_kind
from bench.lab.plan import LIMIT, LONE, OURS, SECOND, STOCK
from bench.speed import plots
from bench.speed.bars import bars, told, told_rounds
from bench.speed.summary import WORKER, Summary, compared
from console import tables
from storage.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEMPLATE = "report.md.j2"
_INT8 = {"AMX": "AMX", "VNNI": "VNNI", "AVX2": "neither VNNI nor AMX"}
_TITLES = {
    OURS: "**this archive**",
    SECOND: "**the second archive**",
    STOCK: "TorchServe, stock handler",
    LONE: "TorchServe, stock handler, batch 1",
    LIMIT: "in-process limit",
    "fastapi": "FastAPI by hand",
    "litserve": "LitServe",
    "bentoml": "BentoML",
    "ray": "Ray Serve",
    "mlserver": "MLServer",
}


def write(steps: Mapping[str, Any], output: Path) -> None:
    """Write the report, and its plots to `images/` beside it.

    Raises:
        Unusable: Nothing has been measured yet.
    """
    if "about" not in steps:
        raise Unusable(f"{output.with_suffix('.json')}: no results; run the benchmark first")
    summary = Summary(steps)
    drawn = plots.draw(summary, output.parent / "images")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  Markdown from our own figures
    )
    text = environment.get_template(TEMPLATE).render(
        about=steps["about"],
        steps=steps,
        summary=summary,
        bars=bars(summary),
        ceiling=ceiling(summary),
        throughput_table=throughput_table(summary),
        latency_table=latency_table(summary),
        open_table=open_table(summary),
        use_table=use_table(summary),
        cost_rows=cost_rows(summary),
        modes=mode_rows(steps),
        sweeps={name: sweep_rows(steps.get(name, {})) for name in ("batches", "workers")},
        size_rows=size_rows(steps.get("sizes", {})),
        plots=drawn,
        table=table,
        title=title,
    )
    write_text(output, text)


def title(server: str) -> str:
    """Name a server for people."""
    kind, _, model = server.partition("-")
    return f"{_TITLES[kind]}, eager fp32" if model else _TITLES.get(kind, kind)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Format a table for the template, which adds the line break."""
    return tables.table(header, rows).rstrip("\n")


def ceiling(summary: Summary) -> dict[str, str | None]:
    """The limit without a server; `against_stock` is None if it was not measured."""
    limit = summary.throughput(LIMIT)
    against_stock = compared(limit, summary.throughput(STOCK))
    share = compared(summary.throughput(OURS), limit)
    cpu, cost = summary.cpu_ms(OURS), summary.steps.get("cost")
    return {
        "throughput": told_rounds(limit),
        "against_stock": told(against_stock) if against_stock else None,
        "share": told(share) if share else "-",
        "inference": f"{cost['inference_ms_batch_16'] / _server_cpu(cpu):.0%}"
        if cost and cpu
        else None,
        "int8": _INT8[int8_kind(summary.steps["about"]["machine"]["instructions"])],
    }


def throughput_table(summary: Summary) -> str:
    """Photos per second by number of clients, and the ratio to the stock handler."""
    clients = summary.plan["clients"]
    header = ["photos/s", *map(_clients, clients), "/ stock"]
    stock = summary.throughput(STOCK)
    rows = []
    for name in summary.servers:
        if name == LONE:
            continue
        figures = [told_rounds(summary.throughput(name, n)) for n in clients]
        against = compared(summary.throughput(name), stock)
        rows.append([title(name), *figures, told(against) if against else "-"])
    if limit := summary.throughput(LIMIT):
        against = compared(limit, stock)
        blanks = [""] * (len(clients) - 1)
        ratio = told(against) if against else "-"
        rows.append([title(LIMIT), told_rounds(limit), *blanks, ratio])
    return table(header, rows)


def latency_table(summary: Summary) -> str:
    """Latency of a single client and at the main number of clients."""
    header = ["milliseconds"]
    for clients in (1, summary.main_clients):
        header += [f"{_clients(clients)}, p50", "p95", "p99"]
    rows = [
        [
            title(name),
            *(
                told_rounds(summary.latency(name, clients, which))
                for clients in (1, summary.main_clients)
                for which in ("p50_ms", "p95_ms", "p99_ms")
            ),
        ]
        for name in summary.servers
    ]
    return table(header, rows)


def open_table(summary: Summary) -> str:
    """Latency at fixed arrival rates."""
    shares = summary.plan["open_shares"]
    header = ["milliseconds"]
    for share in shares:
        header += [f"at {share:.0%}, p50", "p95", "p99"]
    rows = [
        [
            title(name),
            *(
                told_rounds(summary.open_latency(name, share, which))
                for share in shares
                for which in ("p50_ms", "p95_ms", "p99_ms")
            ),
        ]
        for name in summary.servers
        if name != LONE and not name.endswith("-eager")
    ]
    return table(header, rows)


def use_table(summary: Summary) -> str:
    """Start, memory and CPU."""
    header = ["", "start to first answer, s", "memory, MB", "of one worker, MB", "CPU ms an answer"]
    rows = [
        [
            title(name),
            told_rounds(summary.start_s(name), 1),
            told_rounds(summary.memory_mb(name), 0),
            told_rounds(summary.memory_mb(name, WORKER), 0),
            f"{_server_cpu(summary.cpu_ms(name)):.2f}",
        ]
        for name in summary.servers
        if name != LONE
    ]
    return table(header, rows)


def cost_rows(summary: Summary) -> list[tuple[str, str]]:
    """Where the CPU time of an answer goes, in our server."""
    cpu, cost = summary.cpu_ms(OURS), summary.steps.get("cost", {})
    if not cpu or not cost:
        return []
    worker = cpu.get(WORKER, 0.0)
    inference = cost["inference_ms_batch_16"]
    rest = worker - cost["decode_ms"] - inference
    return [
        ("worker: decoding and preprocessing", f"{cost['decode_ms']:.2f}"),
        ("worker: inference, in batches of 16", f"{inference:.2f}"),
        ("worker: the rest (sockets, requests, replies)", f"{rest:.2f}"),
        ("front end (Java)", f"{cpu.get('java', 0.0):.2f}"),
        ("load generator", f"{cpu.get('load generator', 0.0):.2f}"),
    ]


def mode_rows(steps: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The modes tried, and the one chosen."""
    rows = []
    for name, choice in steps.items():
        if name.startswith("choice ") and choice["tried"]:
            tried = ", ".join(f"{t['settings']}: {t['throughput']:.0f}/s" for t in choice["tried"])
            rows.append((title(name.removeprefix("choice ")), choice["settings"], tried))
    return rows


def sweep_rows(rounds: Mapping[str, Sequence[float]]) -> list[tuple[str, str]]:
    """Throughput by a setting."""
    return [(setting, told(spread(figures))) for setting, figures in rounds.items()]


def size_rows(
    sizes: Mapping[str, Mapping[str, Sequence[float]]],
) -> list[tuple[str, str, str, str]]:
    """Throughput by photo size, ours and the stock handler's."""
    rows = []
    for size, rounds in sizes.items():
        against = compared(dict(enumerate(rounds[OURS])), dict(enumerate(rounds[STOCK])))
        ours, stock = told(spread(rounds[OURS])), told(spread(rounds[STOCK]))
        rows.append((size, ours, stock, told(against) if against else "-"))
    return rows


def _clients(number: int) -> str:
    return f"{number} client{'s' if number > 1 else ''}"


def _server_cpu(cpu_ms: Mapping[str, float]) -> float:
    return sum(used for name, used in cpu_ms.items() if name != "load generator")
