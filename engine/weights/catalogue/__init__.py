"""What the catalogue knows of a model: where the artist pointed to, whether it can be read, what it predicts."""
