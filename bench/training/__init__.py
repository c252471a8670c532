"""How fast is a training, and what is each of its settings worth."""
