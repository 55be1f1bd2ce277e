"""The training of a LoRA: data, adapter, objective, loop."""
