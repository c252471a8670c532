"""Tests of `archive.modelarts`: the package, run by a fake of the platform's server."""
