"""The shared lab: starts servers, generates load, watches processes."""
