"""The training itself: batches, augmentation, the loss, the optimiser, the epochs."""
