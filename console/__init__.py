"""What the commands of all packages share: arguments, logging, tables and exit codes."""
