"""What a network answers to photos: figures, curves, calibration, and the files that show them."""
