"""What a recipe says that pictures are found by, besides their words: sampler, LoRAs, licences, the stack of seeds."""

import hashlib
import json
from collections.abc import Iterable, Mapping

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


def commercial_use_of(recipe: Recipe) -> bool | None:
    """Whether the licences of its model and LoRAs allow commercial use, as the recipe has them.

    One that forbids it decides; None where one of them is not known, or nothing is named.
    """
    return _together(facts.get("commercial_use") for facts in (recipe.model, *recipe.loras) if facts)


def with_parents(own: bool | None, recipe: Recipe, known: Mapping[str, bool | None]) -> bool | None:
    """The same with the pictures that it was made from; one that is not in `known` is not known."""
    parents = [image for parent in recipe.parents if isinstance(image := parent.get("image"), str)]
    return _together([own, *map(known.get, parents)])


def _together(said: Iterable[object]) -> bool | None:
    values = {value if isinstance(value, bool) else None for value in said}
    return False if False in values else None if None in values or not values else True
