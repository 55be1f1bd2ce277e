"""Evaluate: does a LoRA help, and which of its checkpoints is the best? Which translator does what?"""
