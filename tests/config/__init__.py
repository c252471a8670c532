"""Tests of those parts of `config` that no package reads."""
