"""Classifies very many photos, outside any server, into Parquet: on Ray Data.

Runs the archive that is served, with the code that serves it. Ray and Arrow are in an environment
of their own (`.venv-score`), for nothing else here needs them.
"""
