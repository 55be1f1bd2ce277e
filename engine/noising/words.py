"""What a sheet of noise is called."""

from collections.abc import Mapping

from gallery.recipe import Recipe
from gallery.words import COMPOSITE, Words


def describe(recipe: Recipe) -> Words:
    """By the picture. No `parameters`: none of its pictures is what a drawing with them would give."""
    photo = recipe.request.get("image")
    name = photo.get("name") if isinstance(photo, Mapping) else None
    title = f"Noise and denoise: {name}" if isinstance(name, str) else "Noise and denoise"
    return Words(title, digital_source=COMPOSITE)
