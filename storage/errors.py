"""The errors of reading and writing URLs; each names the URL and the remedy.

StorageError
├── UrlError          neither a local path nor an obs:// or s3:// URL
├── SettingsError     endpoint, region or credentials are missing or contradict each other
├── NotFound          no such bucket, folder or object
├── AccessDenied      the storage refuses these credentials
├── ObjectChanged     an object changed while it was copied
├── TransferError     the storage cannot be reached, or does not answer properly
├── LocalError        a local file or folder cannot be read or written
└── InUse             another process holds the lock on a local folder
"""

from __future__ import annotations


class StorageError(Exception):
    """Base of all errors that this package raises on purpose."""


class UrlError(StorageError):
    """It is neither a local path nor a bucket's URL."""


class SettingsError(StorageError):
    """Endpoint, region or credentials are missing or contradict each other."""


class NotFound(StorageError):
    """There is no such bucket, folder or object."""


class AccessDenied(StorageError):
    """The storage refuses these credentials."""


class ObjectChanged(StorageError):
    """An object changed while it was copied."""


class TransferError(StorageError):
    """The storage cannot be reached, breaks the connection, or does not answer properly."""


class LocalError(StorageError):
    """A local file or folder cannot be read or written."""


class InUse(StorageError):
    """Another process holds the lock on a local folder."""
