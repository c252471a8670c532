"""Tests of building, sealing and verifying archives."""
