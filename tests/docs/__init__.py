"""The documentation holds: links, commands and figures."""
