"""Tests of starting and stopping that need no server; for the others, see tests/e2e."""
