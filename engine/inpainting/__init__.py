"""Redrawing a part of a picture, and drawing on beyond its edges."""
