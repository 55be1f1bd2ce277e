"""Rows of the model and of LoRAs: found here by hash first, then by name, never another one silently."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.diffusion.request import LORA_WEIGHT
from engine.errors import Problem
from engine.incoming.fields import NONE, Field, named, state_of
from engine.incoming.matching import LORA, Candidate, Match, found_here
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo
from gallery.foreign.recipe import ForeignLora, ForeignRecipe


def model_row(
    recipe: ForeignRecipe, current: Mapping[str, Any], match: Match, known: Mapping[str, ModelInfo]
) -> Iterator[Field]:
    """The model's row, where the recipe names one."""
    if not (recipe.model or recipe.model_hash):
        return
    now = known[current["model"]].title if current.get("model") in known else str(current.get("model") or NONE)
    is_same = match.sure and match.name == current.get("model")
    usable = bool(match.name) and not known[match.name].problem
    yield Field(
        "model",
        "Model",
        now,
        named(recipe.model, recipe.model_hash),
        state_of(is_same, match.sure, usable),
        match.title if usable else "",
        match.said,
        {"model": match.name} if usable else {},
        match.links,
        match.unhashed,
    )


def lora_rows(
    recipe: ForeignRecipe,
    current: Mapping[str, Any],
    loras: Sequence[LoraInfo],
    candidates: Sequence[Candidate],
    model: ModelInfo | None,
) -> Iterator[Field]:
    """A row for each of the recipe's, and one for those that the form has beyond them."""
    chosen = {str(name): float(weight) for name, weight in current.get("loras") or ()}
    known = {lora.name: lora for lora in loras}
    met = set()
    for place, lora in enumerate(recipe.loras):
        match = found_here(LORA, lora.name, lora.hash, candidates)
        met.add(match.name)
        yield _lora(place, lora, match, known.get(match.name), chosen, model)
    if beyond := [name for name in chosen if name not in met]:
        listed = ", ".join(f"{name} {chosen[name]:g}" for name in beyond)
        yield Field("loras_off", "Other LoRAs", listed, NONE, values={"loras_off": tuple(beyond)})


def _lora(
    place: int,
    lora: ForeignLora,
    match: Match,
    info: LoraInfo | None,
    chosen: Mapping[str, float],
    model: ModelInfo | None,
) -> Field:
    weight = lora.weight if lora.weight is not None else info.preferred_weight if info else LORA_WEIGHT.default
    notes = [match.said]
    if info and lora.weight is None:
        notes.append(f"The picture tells no weight; {weight:g} is the LoRA's own.")
    wrong = [*LORA_WEIGHT.problems("weight", weight), *_other_base(info, model)] if info else []
    usable = bool(info) and not wrong and not (info and info.problem)
    now = f"{chosen[match.name]:g}" if match.name in chosen else NONE
    told = "" if lora.weight is None else f" at {lora.weight:g}"
    return Field(
        f"lora_{place}",
        f"LoRA {lora.name or lora.hash}",
        now,
        f"{named(lora.name, lora.hash)}{told}",
        state_of(match.sure and chosen.get(match.name) == weight, match.sure, usable),
        f"{match.name} at {weight:g}" if usable else "",
        " ".join([*notes, *(problem.message for problem in wrong)]),
        {"lora": (match.name, float(weight))} if usable else {},
        match.links,
        match.unhashed,
    )


def _other_base(info: LoraInfo | None, model: ModelInfo | None) -> list[Problem]:
    widths = (info.cross_attention_dim if info else 0), (model.cross_attention_dim if model else 0)
    if not (info and model and all(widths)) or widths[0] == widths[1]:
        return []
    return [Problem("loras", f"It is made for {info.base}; {model.title} is {model.base}.")]
