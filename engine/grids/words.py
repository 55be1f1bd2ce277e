"""What a sheet of a grid is called."""

from collections.abc import Mapping

from gallery.recipe import Recipe
from gallery.words import Words


def describe(recipe: Recipe) -> Words:
    """By the prompt of its base. No `parameters`: each of its pictures has its own, and a sheet is none of them."""
    base = recipe.request.get("base")
    prompt = base.get("prompt") if isinstance(base, Mapping) else None
    return Words(f"Grid: {prompt}" if isinstance(prompt, str) else "Grid")
