"""The training job: from a folder of labelled photos to weights that `archive` can pack.

It decodes and preprocesses images with `classifier`, as the handler does, and knows nothing about
TorchServe.
"""
