"""Picking rounds: "which of these two?", asked until a set is in order."""
