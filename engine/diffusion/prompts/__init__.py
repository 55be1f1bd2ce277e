"""How prompts are read: weights, chunks, and what the text encoder makes of them."""
