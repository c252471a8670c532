"""Stands in for the platform's own package of this name, as far as it is documented."""
