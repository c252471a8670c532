"""Measures how fast the archive is served: against others, against the limit, and why.

Nothing here is shipped. `python -m bench` measures and writes `docs/benchmarks.md`; `python -m
bench.tune` looks for the best settings of the machine at hand.
"""
