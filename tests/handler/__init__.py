"""Tests of the TorchServe handler, with TorchServe's own context and encoder."""
