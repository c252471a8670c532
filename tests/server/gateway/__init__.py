"""Tests of `server.gateway`."""
