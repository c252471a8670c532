"""Tests of `train.evaluation.report`: the evaluation files and the page."""
