"""Tests of `client.api`."""
