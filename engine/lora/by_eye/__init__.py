"""Choosing a checkpoint of one's own LoRA by eye, blind: drawn from the same prompts and seeds, judged in rounds."""
