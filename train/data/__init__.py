"""The photos: where they come from, how they are split, checked, read and cached."""
