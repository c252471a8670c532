"""Files copied unchanged into the package; they run on the platform's Python 3.6."""
