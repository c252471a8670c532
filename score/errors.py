"""The errors of scoring; each message names the cause and the remedy."""

from __future__ import annotations


class ScoreError(Exception):
    """The job cannot be started, or could not be finished; what is done stays done."""
