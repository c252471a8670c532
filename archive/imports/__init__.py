"""Makes a model folder from weights that were trained elsewhere, and checks the model.

`archive` then packs the folder like one that was trained here.
"""
