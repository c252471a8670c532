"""Which settings suit this machine: `make tune`."""
