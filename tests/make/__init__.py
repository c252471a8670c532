"""The Makefile: what it hands on, and what it refuses at once."""
