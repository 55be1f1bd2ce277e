"""Stable Diffusion: load, LoRA, schedulers, previews, text to image. Imports torch."""
