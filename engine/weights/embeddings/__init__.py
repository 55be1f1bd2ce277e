"""Textual-inversion embeddings: files that teach a text encoder a word."""
