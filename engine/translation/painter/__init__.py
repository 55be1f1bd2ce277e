"""The anime background painter: a photo becomes regions, tones, dabs, a painted sky, light, and few lines."""
