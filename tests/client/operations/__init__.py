"""Tests of `client.operations`."""
