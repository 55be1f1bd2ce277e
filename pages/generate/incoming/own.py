"""The rows that recipes of this studio have beyond those of other tools: variation, start, and what a grid varied."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.grids.axes import AXES
from engine.grids.request import Grid
from engine.image_to_image.request import ImageToImage
from engine.incoming.fields import CANNOT, DIFFERS, NONE, SAME, Field
from engine.inpainting.request import Inpaint
from engine.studio import Studio
from gallery.recipe import SEEDS
from pages.generate.incoming.bringing import Brought


def own_rows(studio: Studio, brought: Brought, current: Mapping[str, Any]) -> list[Field]:
    """None where this version cannot read what was asked for."""
    asked = brought.request
    if asked is None:
        return []
    base = asked.base if isinstance(asked, Grid) else asked
    return [*_variation(brought, current), *_start(studio, base), *_grid(asked)]


def _variation(brought: Brought, current: Mapping[str, Any]) -> Iterator[Field]:
    strength, seed = (brought.drawing.get(f"variation_{name}") for name in ("strength", "seed"))
    now = current.get("variation_strength") or 0.0, current.get("variation_seed")
    if not strength and not now[0]:
        return
    index = brought.own.image_index if brought.own and not isinstance(brought.request, Grid) else 0  # else of sheets
    told = (strength or 0.0, (seed + index) % SEEDS if strength and isinstance(seed, int) else None)
    state = SAME if now == told else DIFFERS
    yield Field("variation", "Variation", _varied(*now), _varied(*told), state, values={"variation": told})


def _varied(strength: float, seed: Any) -> str:
    return NONE if not strength else f"{strength:g} of the noise of {'a new seed' if seed is None else f'seed {seed}'}"


def _start(studio: Studio, base: Any) -> Iterator[Field]:
    if not isinstance(base, ImageToImage | Inpaint):
        return
    photos = [base.image, *([base.mask] if isinstance(base, Inpaint) and base.mask else [])]
    told = f"{base.image.name}, strength {base.strength:g}"
    if missing := [photo.name for photo in photos if studio.photo(photo.id) is None]:
        said = f"Not on this machine: {', '.join(missing)}."
        yield Field("start", "Start from", "", told, CANNOT, said=said)
    else:
        yield Field("start", "Start from", "", told, values={"start": True})


def _grid(asked: Any) -> Iterator[Field]:
    if isinstance(asked, Grid):
        named = ", ".join(AXES[axis.name].label for axis in asked.axes)
        yield Field("grid", "Grid", "", named, values={"axes": asked.axes})
