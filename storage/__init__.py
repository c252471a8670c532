"""Local folders and buckets (`obs://`, `s3://`) behind one name: a URL.

    fetch(url)        a local path with what is at the URL, synchronised into a cache
    publishing(url)   a local folder that is uploaded to the URL at the end
    fingerprint(url)  tells whether what is at the URL has changed, without copying it

`storage.files` writes what changes as a whole or not at all, `storage.locks` keeps processes apart.

Imports nothing of this project but `console`, for the command line, and libraries only when a
bucket is named. `python -m storage copy SOURCE TARGET` is the command line.
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
