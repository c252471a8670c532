"""Tests of the benchmarks: everything but the speed."""
