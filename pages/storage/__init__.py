"""Storage: what takes how much disk, and what of it can go."""
