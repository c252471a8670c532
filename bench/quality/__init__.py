"""How right, how sure and how robust is the served model: `make quality`."""
