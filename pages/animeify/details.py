"""What Gallery shows of a translated photo, and how its settings come back to the form."""

from collections.abc import Mapping

from engine.rules import field_label, finite
from engine.translation.catalogue import PAINTER
from engine.translation.painting import painting_from
from engine.translation.styling import AS_EVER, styling_from
from gallery.records import ImageRecord
from pages.parts.before_after import show_before_after
from pages.parts.common import ANIMEIFY
from pages.parts.facts import made, size_of
from pages.parts.licences import licence_of
from pages.parts.shown import Shown


def _details(record: ImageRecord) -> dict[str, object]:
    recipe, request = record.recipe, record.recipe.request
    solver, style = _mapping(recipe.model.get("solver")), _mapping(request.get("style"))
    strength = finite(request.get("strength", 1))
    return {
        "Translator": recipe.model.get("title") or record.model,
        "Licence of its weights": licence_of(recipe.model),
        "Strength": "" if strength is None else f"{100 * strength:.0f} %",
        "Size": size_of(record),
        "Solver": _solved(solver, recipe.model.get("nfe")),
        "Style picture": style.get("name"),
        **_styled(request.get("styling")),
        **(_painted(request.get("painting")) if request.get("translator") == PAINTER else {}),
        **made(record),
    }


def _styled(value: object) -> dict[str, object]:
    """What was chosen for neural style and is not as usual."""
    try:
        styling = styling_from(value)
    except (TypeError, ValueError, AttributeError):  # of another version, or damaged
        return {}
    if styling == AS_EVER:
        return {}
    usual = AS_EVER.to_dict()
    changed = {name: chosen for name, chosen in styling.to_dict().items() if chosen != usual[name]}
    return {field_label(name): _in_words(chosen) for name, chosen in changed.items()}


def _painted(value: object) -> dict[str, object]:
    """How the painter painted, as on the page."""
    try:
        chosen = painting_from(value).to_dict()
    except TypeError:  # of another version, or damaged
        return {}
    numbers = {field_label(name): finite(amount) for name, amount in chosen.items() if name != "mood"}
    shares = {label: f"{100 * number:.0f} %" for label, number in numbers.items() if number is not None}
    return {"Mood": str(chosen["mood"]), **shares}


def _in_words(chosen: object) -> object:
    if isinstance(chosen, Mapping):
        return ", ".join(f"{name} {weight}" for name, weight in chosen.items())
    if isinstance(chosen, (list, tuple)):
        return ", ".join(str(each.get("name")) if isinstance(each, Mapping) else str(each) for each in chosen)
    return "yes" if chosen is True else chosen


def _mapping(value: object) -> Mapping[str, object]:
    """What a recipe of another version has in this place, if it is of the right shape."""
    return value if isinstance(value, Mapping) else {}


def _solved(solver: Mapping[str, object], evaluations: object) -> str:
    """How neural ODEs were solved; empty where none were."""
    if not solver:
        return ""
    taken = _counted(solver["steps"], "step") if solver.get("steps") else "steps of its own choice"
    return f"{solver.get('method')}, {taken}, {_counted(evaluations, 'evaluation')}"


def _counted(number: object, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


SHOWN = Shown(
    page=ANIMEIFY,
    reuse="Fills the Anime-ify page with the photo and everything that was chosen",
    details=_details,
    picture=show_before_after,
    title="Photo",
)
