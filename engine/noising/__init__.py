"""Noise and its removal as one sheet: what diffusion models learn from, and what one makes of it."""
