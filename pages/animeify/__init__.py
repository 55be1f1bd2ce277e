"""Anime-ify: from photos to anime scenes."""
