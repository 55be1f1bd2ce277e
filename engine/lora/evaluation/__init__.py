"""What a LoRA changed, measured: with and without it, and its checkpoints at several weights."""
