"""The errors of writing a package for ModelArts.

    ModelArtsError
    └── PackageError     the model cannot become a package

Problems with the model's own files raise `classifier.errors.ModelError` or
`archive.errors.BuildError`.
"""

from __future__ import annotations


class ModelArtsError(Exception):
    """Base of all errors that this package raises on purpose."""


class PackageError(ModelArtsError):
    """The model cannot become a package; the message says why."""
