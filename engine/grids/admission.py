"""Grids: which can be asked for on this machine, and about how long they take here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.diffusion import admission as diffusion
from engine.diffusion.defaults import Defaults, defaults_here, ordinary
from engine.diffusion.request import TextToImage, loras_from
from engine.errors import InvalidRequest, Problem
from engine.grids.request import Axis, Grid, axes_from, grid
from engine.grids.words import describe
from engine.image_to_image import admission as image_to_image
from engine.image_to_image.request import ImageToImage
from engine.jobs.kind import Here, Kind
from engine.rules import counted, finite
from gallery.records import ImageRecord

_KINDS = {kind.name: kind for kind in (*diffusion.KINDS, *image_to_image.KINDS)}


def _complete(values: Mapping[str, Any], here: Here) -> Mapping[str, Any]:
    """The base as its own kind completes it."""
    axes = axes_from(values.get("axes"))
    kind = _KINDS.get(values.get("base_kind", TextToImage.kind))
    if kind is None:
        return {**values, "axes": axes}  # refused when it is read
    base = {name: value for name, value in values["base"].items() if value is not None}
    completed = {**kind.complete(base, here), **_of_no_model_alone(base, axes, here)}
    return {"base_kind": kind.name, "base": completed, "axes": axes}


def _of_no_model_alone(base: Mapping[str, Any], axes: Iterable[Axis], here: Here) -> dict[str, Any]:
    """Where models are varied, the usual in place of what the base's model says itself: it would hold for all."""
    if not any(axis.name == "model" for axis in axes):
        return {}
    _, info = diffusion.model_asked(base, here)
    if defaults_here(here.settings, info, loras_from(base.get("loras"))) != ordinary(info):
        return {}  # of a model or LoRA for few steps, or the artist's own
    return {field: value for field, value in Defaults().values().items() if field not in base}


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    """Of each drawing that differs in what this machine must have, the problems; each said once."""
    try:
        request = grid(values)
    except InvalidRequest:
        return []  # what its values break is said already
    kind = _KINDS[values["base_kind"]]
    different = {_needs(cell.request): cell.request for cell in request.cells()}
    asked = [request.base, *different.values()]  # the base for its words: those of a cell may have changed
    found = [problem for each in asked for problem in kind.check(each.to_dict(), here)]
    return list(dict.fromkeys([*found, *_of_words(request, here)]))


def _of_words(request: Grid, here: Here) -> list[Problem]:
    """Of embeddings that the words of any cell name."""
    cells = {(cell.request.model, cell.request.prompt, cell.request.negative_prompt) for cell in request.cells()}
    base = request.base.to_dict()
    return [
        problem
        for model, prompt, negative in sorted(cells)
        for problem in diffusion.embeddings_checked(
            {**base, "model": model, "prompt": prompt, "negative_prompt": negative}, here
        )
    ]


def _needs(request: TextToImage) -> tuple[Any, ...]:
    return request.model, request.scheduler, tuple(lora.name for lora in request.loras)


def seconds_of(request: Grid, earlier: Iterable[ImageRecord]) -> float | None:
    """About how long it takes, by the newest picture of each model; None where there is none of one.

    Args:
        earlier: pictures that were drawn here, newest first.
    """
    rates = _rates(earlier)
    cells = [cell.request for cell in request.cells()]
    if any(each.model not in rates for each in cells):
        return None
    return sum(rates[each.model] * _work(each.to_dict()) for each in cells)


def _rates(earlier: Iterable[ImageRecord]) -> dict[str, float]:
    """Seconds for one step of one pixel, by model."""
    rates: dict[str, float] = {}
    for record in earlier:
        recipe = record.recipe
        work = _work(recipe.request) if recipe.kind in (TextToImage.kind, ImageToImage.kind) else 0.0
        if work > 0 and recipe.seconds > 0:
            rates.setdefault(recipe.model_name, recipe.seconds / work)
    return rates


def _work(values: Mapping[str, Any]) -> float:
    """Steps times pixels that are run; half without guidance."""
    width, height, steps, guidance, share = (
        finite(values.get(name, 1.0)) or 0.0
        for name in ("width", "height", "num_inference_steps", "guidance_scale", "strength")
    )
    return width * height * steps * share * (1.0 if guidance > 1 else 0.5)


def _title(request: Grid) -> str:
    return f"Grid of {counted(request.count, 'picture')}: {request.prompt}"


def _afresh(request: Grid, here: Here) -> Grid:
    """Its words stay, for its axes may change parts of them, so they are no template's of the new seed."""
    base = replace(request.base, seed=None, prompt_template=None, negative_prompt_template=None)
    return replace(request, base=base)


_seeded: Callable[[Grid], Grid] = Grid.with_seed

KINDS = (
    Kind(
        name=Grid.kind,
        read=grid,
        title=_title,
        complete=_complete,
        check=_check,
        settle=_seeded,
        afresh=_afresh,
        pictures=lambda request: request.count + request.sheets,
        preview_width=lambda request: request.base.width * request.base.enlarged,
        caption=Grid.caption,
        describe=describe,
    ),
)
