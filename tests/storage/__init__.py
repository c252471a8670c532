"""Tests of `storage`, against a real S3 endpoint in a process of its own."""
