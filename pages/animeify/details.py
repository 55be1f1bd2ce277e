"""What Gallery shows of a translated photo, and how its settings come back to the form."""

from gallery.records import ImageRecord
from pages.parts.before_after import show_before_after
from pages.parts.common import ANIMEIFY
from pages.parts.facts import made, size_of
from pages.parts.shown import Shown


def _details(record: ImageRecord) -> dict[str, object]:
    recipe, request = record.recipe, record.recipe.request
    solver = recipe.model.get("solver") or {}
    style = request.get("style") or {}
    solved = f"{solver.get('method')}, {solver.get('steps')} steps, {recipe.model.get('nfe')} evaluations"
    return {
        "Translator": recipe.model.get("title") or record.model,
        "Licence of its weights": recipe.model.get("licence"),
        "Strength": f"{100 * float(request.get('strength', 1)):.0f} %",
        "Size": size_of(record),
        "Solver": solved if solver else "",
        "Style picture": style.get("name"),
        **made(record),
    }


SHOWN = Shown(
    page=ANIMEIFY,
    reuse="Fills the Anime-ify page with the photo and everything that was chosen",
    details=_details,
    picture=show_before_after,
    title="Photo",
)
