"""Tests of `bench.quality`."""
