"""Writes the folder that ModelArts imports, from a model that was trained here.

The way back: whoever must serve on ModelArts for a while yet gets the same model there.
"""
