"""The documentation is correct: links, commands and figures."""
