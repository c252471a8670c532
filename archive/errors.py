"""The errors of building and verifying an archive.

    ArchiveError
    ├── BuildError         the inputs cannot become an archive
    ├── ModelImportError   weights, labels or photos from elsewhere do not make a model
    └── VerifyError        the archive is damaged, or does not answer as the evaluation did

What is wrong with the model's own files is a `classifier.errors.ModelError`.
"""

from __future__ import annotations


class ArchiveError(Exception):
    """Base of all errors that this package raises on purpose."""


class BuildError(ArchiveError):
    """The inputs cannot become an archive; the message names the remedy."""


class VerifyError(ArchiveError):
    """The archive must not be served."""


class ModelImportError(ArchiveError):
    """Weights, labels or photos from elsewhere do not make a model; the message says why."""
