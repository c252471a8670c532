"""Tests of `bench.training`."""
