"""Writes the folder that ModelArts imports from a model trained here.

With it, ModelArts serves the same model.
"""
