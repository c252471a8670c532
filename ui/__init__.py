"""The page to try a running server on: drop photos, see labels and why, compare two versions.

Asks the server through `client` alone, and runs in an environment of its own (`make ui`). Not
responsible for judging photos: a wrong file is sent too, and the server's own words are shown.
"""
