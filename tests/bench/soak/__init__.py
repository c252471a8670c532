"""Tests of `bench.soak`."""
