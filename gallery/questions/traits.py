"""What a recipe says that pictures are found by, besides their words: sampler, LoRAs, and the stack of its seeds."""

import hashlib
import json

from gallery.recipe import Recipe

# What tells one picture of a request from the next, and requests apart that differ in their seeds alone.
_OF_SEEDS = frozenset({"seed", "variation_seed", "num_images"})
# How it was computed: the same picture but for rounding.
_OF_COMPUTING = frozenset({"backend", "loras_merged"})
_STACK_LENGTH = 16
NAME_LENGTH = 200


def sampler_of(recipe: Recipe) -> str:
    """The sampler as its menu calls it; empty where there was none."""
    name = recipe.request.get("scheduler") or recipe.request.get("sampler")  # the latter of other tools
    return name[:64] if isinstance(name, str) else ""


def loras_of(recipe: Recipe) -> list[str]:
    """The names of the LoRAs that were applied, each once."""
    names = (each.get("name") for each in recipe.loras)
    return sorted({name[:NAME_LENGTH] for name in names if isinstance(name, str) and name})


def stack_of(recipe: Recipe, title: str) -> str | None:
    """What pictures of the same recipe with other seeds have in common: 16 hexadecimal digits.

    None where no seed was used: such pictures have no others beside them.
    """
    if recipe.seed is None:
        return None
    asked = {name: value for name, value in recipe.request.items() if name not in _OF_SEEDS | _OF_COMPUTING}
    loras = [[each.get("name"), each.get("weight"), each.get("sha256")] for each in recipe.loras]
    model = [recipe.model_name, recipe.model.get("sha256")]
    same = [recipe.kind, asked, model, loras, list(recipe.parents), title]
    text = json.dumps(same, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_STACK_LENGTH]
