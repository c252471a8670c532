"""Tests against a real TorchServe, started with the README's own commands on free ports."""
