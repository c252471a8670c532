"""Makes a model folder from weights that were trained elsewhere, and checks what it can.

The way in: `archive` then packs the folder as it packs what was trained here.
"""
