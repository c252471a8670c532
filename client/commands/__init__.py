"""The command line: one module a command, its options beside it."""
