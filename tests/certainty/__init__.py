"""Tests of `certainty`."""
