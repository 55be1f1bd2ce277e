"""What a LoRA file holds, told by its header: the names of its tensors, its kind, its strength. No torch."""
