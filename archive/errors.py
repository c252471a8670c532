"""The errors of building and verifying an archive.

    ArchiveError
    ├── BuildError         the inputs cannot become an archive
    ├── ModelImportError   weights, labels or photos from elsewhere cannot be imported
    └── VerifyError        the archive is damaged, or does not answer as the evaluation did

Problems with the model's own files raise `classifier.errors.ModelError`.
"""

from __future__ import annotations


class ArchiveError(Exception):
    """Base of all errors that this package raises on purpose."""


class BuildError(ArchiveError):
    """The inputs cannot become an archive; the message names the remedy."""


class VerifyError(ArchiveError):
    """The archive must not be served."""


class ModelImportError(ArchiveError):
    """Weights, labels or photos from elsewhere cannot be imported; the message says why."""
