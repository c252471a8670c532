"""Tests of starting and stopping a server, as far as no server is needed; see tests/e2e."""
