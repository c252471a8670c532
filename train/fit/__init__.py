"""The training itself: batches, augmentation, loss, optimiser, epochs."""
