"""The errors of scoring; each message names the cause and the remedy."""

from __future__ import annotations


class ScoreError(Exception):
    """The job cannot start, or could not finish; completed shards are kept."""
