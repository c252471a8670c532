"""What the commands of all packages share: arguments, their log, tables, and how they end."""
