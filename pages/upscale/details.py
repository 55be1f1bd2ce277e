"""What Gallery shows of an enlarged picture, and how its settings come back to the form."""

from collections.abc import Mapping

from engine.rules import finite
from gallery.records import ImageRecord
from pages.parts.before_after import show_before_after
from pages.parts.common import UPSCALE
from pages.parts.facts import made, size_of
from pages.parts.licences import licence_of
from pages.parts.shown import Shown


def _details(record: ImageRecord) -> dict[str, object]:
    recipe = record.recipe
    factor, network, scale = (
        recipe.request.get("factor"),
        recipe.model.get("architecture"),
        recipe.model.get("scale"),
    )
    return {
        "Upscaler": recipe.model.get("title") or record.model,
        "Network": f"{network}, {scale} times" if network else "",
        "Licence of its weights": licence_of(recipe.model),
        "Factor": f"{factor}x" if factor else "",
        "Second pass": _second_pass(recipe.request),
        "Size": size_of(record),
        **made(record),
    }


def _second_pass(request: Mapping[str, object]) -> str:
    strength, redraw = finite(request.get("redraw_strength")), request.get("redraw")
    if not strength or not isinstance(redraw, Mapping):
        return ""
    return f"strength {strength:g}, seed {redraw.get('seed')}, by {redraw.get('model')}: {redraw.get('prompt')}"


SHOWN = Shown(
    page=UPSCALE,
    reuse="Fills the Upscale page with the picture, the factor and the upscaler",
    details=_details,
    picture=show_before_after,
    title="Enlarged from",
)
