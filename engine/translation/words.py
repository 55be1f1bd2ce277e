"""What a translated photo is called."""

from collections.abc import Mapping

from gallery.recipe import Recipe
from gallery.words import COMPOSITE, Words


def describe(recipe: Recipe) -> Words:
    """By its photo's name. No `parameters`: that text begins with a prompt, and readers would draw the file's name."""
    photos = recipe.request.get("photos")
    names = [photo.get("name") for photo in photos if isinstance(photo, Mapping)] if isinstance(photos, list) else []
    title = ", ".join(name for name in names if isinstance(name, str) and name)
    return Words(title, digital_source=COMPOSITE)
