"""Weights that others publish and the studio does not ship: which they are, where they lie, how they come here."""
