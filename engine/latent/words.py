"""What a picture that was found in a network is called."""

from collections.abc import Mapping

from gallery.recipe import Recipe
from gallery.words import COMPOSITE, TRAINED, Words


def describe(recipe: Recipe) -> Words:
    """By the network, and by the photos that the latents were found from."""
    photos = recipe.request.get("photos")
    known = [photo for photo in photos if isinstance(photo, Mapping)] if isinstance(photos, list) else []
    names = [name for photo in known if isinstance(name := photo.get("name"), str) and name]
    title = str(recipe.model.get("title") or recipe.model_name or "Explored")
    words = f"{title}: {' to '.join(names)}" if names else title
    return Words(words, digital_source=COMPOSITE if known else TRAINED)
