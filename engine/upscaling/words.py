"""What an enlarged picture is called."""

from collections.abc import Mapping

from gallery.recipe import Recipe
from gallery.words import COMPOSITE, TRAINED, Words


def describe(recipe: Recipe) -> Words:
    """By the picture that it was. A photo that a network enlarged is partly made by it; a drawn picture was before."""
    photos = recipe.request.get("photos")
    known = [photo for photo in photos if isinstance(photo, Mapping)] if isinstance(photos, list) else []
    names = [photo.get("name") for photo in known]
    drawn = bool(known) and all(photo.get("image") for photo in known)
    title = ", ".join(name for name in names if isinstance(name, str) and name)
    return Words(title, digital_source=TRAINED if drawn else COMPOSITE)
