"""Talks to a running TorchServe: classifies photos, and manages models and workers.

Imports nothing else of this project, so that you can copy it to a machine that has only requests.
"""
