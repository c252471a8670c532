"""Tests of `bench.speed`."""
