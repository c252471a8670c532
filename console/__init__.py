"""What the commands of all packages have in common, whatever they do: how they end."""
