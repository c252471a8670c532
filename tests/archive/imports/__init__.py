"""Tests of `archive.imports`: files as users have them, and the messages for bad ones."""
