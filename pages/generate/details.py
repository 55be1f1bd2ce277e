"""What Gallery shows of a drawn picture, and how its settings come back to the form."""

from collections.abc import Mapping
from typing import Any

from engine.diffusion.request import TextToImage
from engine.grids.axes import AXES
from engine.grids.request import Grid
from engine.image_to_image.request import ImageToImage
from engine.inpainting.request import SIDES, Inpaint
from gallery.records import ImageRecord
from pages.generate.workflow import show_workflow
from pages.parts.common import GENERATE
from pages.parts.facts import made, size_of
from pages.parts.licences import licence_of
from pages.parts.shown import Shown

KINDS = (TextToImage.kind, ImageToImage.kind, Inpaint.kind)  # drawings, each with a recipe of its own
FED = (*KINDS, Grid.kind)  # what Generate asks for


def _details(record: ImageRecord) -> dict[str, object]:
    recipe, request = record.recipe, record.recipe.request
    return {
        "Model": recipe.model.get("title") or record.model,
        "LoRAs": ", ".join(f"{lora.get('name')} ({lora.get('weight')})" for lora in recipe.loras),
        "Licence": licence_of(recipe.model),
        **{f"Licence of {lora.get('name')}": licence_of(lora) for lora in recipe.loras},
        "Embeddings": ", ".join(str(each.get("name")) for each in recipe.embeddings),
        "Seed": record.seed,
        "Size": size_of(record),
        "Drawn at": _drawn_at(request),
        "Steps": request.get("num_inference_steps"),
        "Guidance scale": request.get("guidance_scale"),
        "Scheduler": request.get("scheduler"),
        **_beginning(request),
        **made(record),
    }


def _drawn_at(request: Mapping[str, Any]) -> str | None:
    """Where it was enlarged after that."""
    times = request.get("enlarged", 1)
    return None if times == 1 else f"{request.get('width')} × {request.get('height')}, then {times} times as large"


def _beginning(request: Mapping[str, Any]) -> dict[str, object]:
    """What it was drawn from; a drawing from a prompt alone has none of that."""
    varied = request.get("variation_strength")
    return {
        "Start picture": _name_of(request.get("image")),
        "Mask": _name_of(request.get("mask")),
        "Strength": request.get("strength"),
        "Extended": _extended(request.get("extend")),
        "Variation": f"{varied} of the noise of another seed" if varied else None,
    }


def _name_of(photo: object) -> object:
    return photo.get("name") if isinstance(photo, Mapping) else None


def _extended(extend: object) -> str:
    sides = extend if isinstance(extend, list | tuple) else ()
    return ", ".join(f"{side} {pixels}" for side, pixels in zip(SIDES, sides, strict=False) if pixels)


def _grid_details(record: ImageRecord) -> dict[str, object]:
    axes = record.recipe.request.get("axes")
    varied = [axis for axis in axes if isinstance(axis, Mapping)] if isinstance(axes, list) else []
    told = {_label(axis.get("name")): _values_of(axis.get("values")) for axis in varied}
    return {**told, "Model": record.model, "Size": size_of(record), **made(record)}


def _label(name: object) -> str:
    return AXES[name].label if isinstance(name, str) and name in AXES else str(name)


def _values_of(values: object) -> str:
    return ", ".join(map(str, values)) if isinstance(values, list) else ""


SHEET = Shown(
    page=GENERATE,
    reuse="Fills the Generate page with the drawing and what was varied",
    details=_grid_details,
)
SHOWN = Shown(
    page=GENERATE,
    reuse="Fills the Generate page with everything that made this picture",
    details=_details,
    more=show_workflow,
)
