"""Uniform access to local folders and buckets (`obs://`, `s3://`) by URL.

    fetch(url)        returns a local path to the contents, synchronised into a cache
    publishing(url)   gives a local folder that is uploaded to the URL at the end
    fingerprint(url)  detects whether the contents have changed, without copying them

`storage.files` writes files atomically, `storage.locks` keeps processes apart.

Imports nothing of this project but `console`, for the command line, and the S3 libraries only for
buckets. The command line is `python -m storage copy SOURCE TARGET`.
"""

from storage.errors import StorageError
from storage.fetching import fetch, fingerprint
from storage.locations import is_remote
from storage.publishing import Output, publishing, upload

__all__ = [
    "Output",
    "StorageError",
    "fetch",
    "fingerprint",
    "is_remote",
    "publishing",
    "upload",
]
