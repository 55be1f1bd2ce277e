"""What Gallery shows of an enlarged picture, and how its settings come back to the form."""

from gallery.records import ImageRecord
from pages.parts.before_after import show_before_after
from pages.parts.common import UPSCALE
from pages.parts.facts import made, size_of
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
        "Licence of its weights": recipe.model.get("licence"),
        "Factor": f"{factor}x" if factor else "",
        "Size": size_of(record),
        **made(record),
    }


SHOWN = Shown(
    page=UPSCALE,
    reuse="Fills the Upscale page with the picture, the factor and the upscaler",
    details=_details,
    picture=show_before_after,
    title="Enlarged from",
)
