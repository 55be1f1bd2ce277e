"""The one table of how the pages show each kind's pictures."""

from engine.grids.request import Grid
from engine.latent.requests import Explored
from engine.noising.request import NoiseAndDenoise
from engine.translation.request import Translate
from engine.upscaling.request import Upscale
from gallery.records import ImageRecord
from pages.animeify.details import SHOWN as TRANSLATED
from pages.explore.details import NOISED
from pages.explore.details import SHOWN as FOUND
from pages.gallery.imported import SHOWN as IMPORTED
from pages.generate.details import KINDS as DRAWINGS
from pages.generate.details import SHEET
from pages.generate.details import SHOWN as DRAWN
from pages.parts.shown import Shown
from pages.upscale.details import SHOWN as ENLARGED

SHOWN = {
    **dict.fromkeys(DRAWINGS, DRAWN),
    Grid.kind: SHEET,
    Translate.kind: TRANSLATED,
    Upscale.kind: ENLARGED,
    Explored.kind: FOUND,
    NoiseAndDenoise.kind: NOISED,
    **IMPORTED,
}


def shown(record: ImageRecord) -> Shown:
    """How to show this picture."""
    return SHOWN.get(record.kind, Shown())
