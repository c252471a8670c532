"""Starts and stops one TorchServe on this machine, and finds out why one does not start."""
