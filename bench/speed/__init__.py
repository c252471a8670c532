"""How fast the archive is served, compared with other servers and the limit: `make bench`."""
