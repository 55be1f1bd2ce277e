"""Drawings as other tools draw them."""
