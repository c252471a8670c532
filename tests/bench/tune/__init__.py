"""Tests of `bench.tune`."""
