"""Evaluates a network on photos: metrics, curves, calibration, and the files that show them."""
