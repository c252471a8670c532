"""The errors of writing a package for ModelArts.

    ModelArtsError
    └── PackageError     the model, or what is known of it, does not make a package

What is wrong with the model's own files is a `classifier.errors.ModelError` or an
`archive.errors.BuildError`.
"""

from __future__ import annotations


class ModelArtsError(Exception):
    """Base of all errors that this package raises on purpose."""


class PackageError(ModelArtsError):
    """The model, or what is known of it, does not make a package."""
