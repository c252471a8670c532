"""Tests of `archive.imports`: files as people have them, and what is said of wrong ones."""
