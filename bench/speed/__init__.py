"""How fast is the archive served, against others and against the limit: `make bench`."""
