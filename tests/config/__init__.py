"""Tests of `config`, as far as another part does not read it."""
