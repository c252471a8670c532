"""How sure figures are: the interval of a share, and two models on the same photos.

Needs the standard library alone, so that every environment can use it.
"""
