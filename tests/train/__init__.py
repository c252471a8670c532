"""Tests of `train`, on small photos drawn in memory."""
