"""Grids: one drawing over and over with single values changed, to see what they do."""
