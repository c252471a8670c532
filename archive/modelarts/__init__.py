"""Writes the folder that ModelArts imports, from a model that was trained here.

For going back to ModelArts: it serves the same model there.
"""
