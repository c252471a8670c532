"""Finds the settings that suit this machine: `make tune`."""
