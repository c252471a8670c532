"""How fast training is, and what each of its settings is worth."""
