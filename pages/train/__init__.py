"""Train: a LoRA from one's own captioned pictures."""
