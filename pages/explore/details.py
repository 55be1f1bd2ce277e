"""What Gallery shows of a picture that was found in a network, and how one comes back there."""

from engine.latent.catalogue import FAMILIES
from engine.latent.requests import STRIP
from engine.rules import finite
from gallery.records import ImageRecord
from pages.parts.common import EXPLORE
from pages.parts.facts import made, size_of
from pages.parts.licences import licence_of
from pages.parts.shown import Shown


def _details(record: ImageRecord) -> dict[str, object]:
    recipe = record.recipe
    family = recipe.model.get("family")
    strip = recipe.request.get("form") == STRIP
    return {
        "Network": recipe.model.get("title") or record.model,
        "Kind": FAMILIES.get(family, "") if isinstance(family, str) else "",
        "Licence of its weights": licence_of(recipe.model),
        "Pictures in the strip": recipe.request.get("frames") if strip else None,
        "Size": size_of(record),
        **made(record),
    }


def _noise(record: ImageRecord) -> dict[str, object]:
    request = record.recipe.request
    levels = request.get("levels")
    given = levels if isinstance(levels, list) else []
    shares = [f"{level:.0%}" for value in given if (level := finite(value)) is not None]
    return {
        "Model": record.model,
        "What it shows": request.get("prompt"),
        "Noise levels": ", ".join(shares),
        "Steps from pure noise": request.get("num_inference_steps"),
        "Seed": record.seed,
        "Size": size_of(record),
        **made(record),
    }


NOISED = Shown(details=_noise, title="Noise in")
SHOWN = Shown(
    page=EXPLORE,
    reuse="Opens the network on the Explore page at the place of this picture",
    details=_details,
    title="Found in",
)
