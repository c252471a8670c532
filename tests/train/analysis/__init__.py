"""Tests of `train.analysis`: the evaluation files and the page."""
