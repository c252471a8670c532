"""Floods: many requests at once, each within the limits, and what a client beside them gets."""
