"""Tests of the pinned lists, and of the scripts that install them."""
