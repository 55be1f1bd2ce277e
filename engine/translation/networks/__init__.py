"""The generators' architectures."""
