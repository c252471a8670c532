"""Tests of `bench.faults`."""
