"""Tests of `archive.modelarts`: the package, run by a stand-in for the platform's server."""
