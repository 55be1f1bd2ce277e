"""Rows of size, numbers and sampler, of what a drawing begins with, and of what the form has no place for."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.diffusion.request import (
    GUIDANCE_SCALE,
    SEED,
    STEPS,
    STRENGTH,
    TextToImage,
    drawing_problems,
    sampler_problems,
)
from engine.errors import Problem
from engine.image_to_image.fitting import shape_of
from engine.incoming.fields import ASKS, CANNOT, DIFFERS, NONE, SAME, Field, number_text, row, state_of
from engine.incoming.samplers import counterpart
from engine.rules import Real, Whole, field_label, multiple
from engine.weights.models import ModelInfo, size_problems
from gallery.foreign.recipe import ForeignRecipe
from gallery.metadata import MOST_IN_WORDS, can_keep


def size_row(recipe: ForeignRecipe, current: Mapping[str, Any], model: ModelInfo | None) -> Iterator[Field]:
    """As it is, where the model draws it; else the same shape in the model's own size, where the artist says so."""
    width, height = recipe.width, recipe.height
    if not width or not height:
        return
    now = current.get("width"), current.get("height")
    values, state, becomes, said = {"width": width, "height": height}, DIFFERS, "", ""
    if model and model.native_size and (size_problems(model, width, height) or width % 8 or height % 8):
        fitted = shape_of(width, height, model.native_size**2, model.size_multiple, model.min_size, model.max_size)
        values, state, becomes = dict(zip(values, fitted, strict=True)), ASKS, _sides(*fitted)
        said = (
            f"{model.title} draws sides of {model.min_size} to {model.max_size} pixels in steps of "
            f"{model.size_multiple}. In this shape it draws {becomes} best."
        )
    elif problems := _undrawable(width, height):
        values, state, said = {}, CANNOT, " ".join(problem.message for problem in problems)
    elif now == (width, height):
        state = SAME
    yield Field("size", "Size", _sides(*now), _sides(width, height), state, becomes, said, values)


def _undrawable(width: int, height: int) -> list[Problem]:
    """What no model draws, for one of which the sizes are not known yet; a form takes no numbers beyond 2**53."""
    if not can_keep(width, height):
        return [Problem("size", f"Pictures have at most {MOST_IN_WORDS}.")]
    return [*multiple("width", width, 8), *multiple("height", height, 8)]


def _sides(width: Any, height: Any) -> str:
    return f"{width} × {height}" if width and height else NONE


def number_rows(recipe: ForeignRecipe, current: Mapping[str, Any]) -> Iterator[Field]:
    """Seed, steps and guidance, as far as the recipe tells them."""
    told: dict[str, tuple[int | float | None, Whole | Real]] = {
        "seed": (recipe.seed, SEED),
        "num_inference_steps": (recipe.steps, STEPS),
        "guidance_scale": (recipe.guidance, GUIDANCE_SCALE),
    }
    for name, (value, rule) in told.items():
        if value is None:
            continue
        now = current.get(name)
        shown = "drawn anew" if name == "seed" and now is None else number_text(now)
        yield row(name, shown, number_text(value), {name: value}, now == value, rule.problems(name, value))


def scheduler_row(recipe: ForeignRecipe, current: Mapping[str, Any], model: ModelInfo | None) -> Iterator[Field]:
    """Sampler and schedule together, which are one menu here."""
    if not recipe.sampler:
        return
    here = counterpart(recipe.sampler, recipe.schedule)
    now = str(current.get("scheduler") or NONE)
    incoming = ", ".join(filter(None, [recipe.sampler, recipe.schedule]))
    problems = sampler_problems(here.name, model.prediction_type) if here.name and model else []
    if here.name and not problems and recipe.steps is not None and not STEPS.problems("", recipe.steps):
        drawn = {"num_inference_steps": recipe.steps, "guidance_scale": GUIDANCE_SCALE.default, "scheduler": here.name}
        problems = drawing_problems(drawn)
    said = " ".join([here.said, *(problem.message for problem in problems)]).strip()
    usable = bool(here.name) and not problems
    state = state_of(here.exact and here.name == now, here.exact, usable)
    values = {"scheduler": here.name} if usable else {}
    yield Field("scheduler", field_label("scheduler"), now, incoming, state, here.name if usable else "", said, values)


def beginning_rows(recipe: ForeignRecipe, current: Mapping[str, Any]) -> Iterator[Field]:
    """From what it was drawn. The picture it began with is in no file; how strongly it was changed is."""
    starts = current.get("kind", TextToImage.kind) != TextToImage.kind
    strength = recipe.strength
    if strength is None:
        if starts:
            yield Field("start", "Start from", "a picture", "nothing", values={"start_from_nothing": True})
        return
    problems = STRENGTH.problems("strength", strength)
    if not starts and not problems:
        said = "It began with a picture that is not in this file: choose one under “Start from” and set it there."
        problems = [Problem("strength", said)]
    now = current.get("strength")
    yield row("strength", number_text(now), number_text(strength), {"strength": strength}, now == strength, problems)


def variation_row(current: Mapping[str, Any]) -> Iterator[Field]:
    """No other tool's recipe is read with one."""
    if strength := current.get("variation_strength"):
        yield Field("variation", "Variation", number_text(strength), NONE, values={"variation": (0.0, None)})


def clip_skip_row(recipe: ForeignRecipe) -> Iterator[Field]:
    """1, or 0 where a tool counts from there, is what everybody does who says nothing."""
    if (recipe.clip_skip or 0) > 1:
        said = "The studio reads the text encoder's layer that the model was trained with, and offers no other."
        yield Field("clip_skip", "Clip skip", "as trained", str(recipe.clip_skip), CANNOT, said=said)
