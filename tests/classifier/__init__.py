"""Tests of `classifier`: images drawn in memory, and a real tiny ResNet."""
