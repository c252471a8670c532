"""Tests of `train.fit`."""
