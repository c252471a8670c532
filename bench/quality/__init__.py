"""The served model's accuracy, calibration and robustness: `make quality`."""
