"""Batch scoring: classifies photos into Parquet files on Ray Data, without a server.

Runs the same archive and code as the server. Ray and Arrow are in a separate environment
(`.venv-score`), since nothing else needs them.
"""
