"""The recipe of a picture that was brought in: what its tool wrote, in the studio's own envelope."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from gallery.foreign.loras import listed
from gallery.foreign.recipe import ForeignEmbedding, ForeignRecipe
from gallery.foreign.values import Fields, as_text, bare_name
from gallery.recipe import Recipe
from gallery.words import TRAINED, Words

KIND = "imported"
MOST_TEXT = 4_000  # characters of one of the tool's texts, where the file itself has it whole
MOST_TEXTS = 300_000  # of all of them, where the file is written anew; a recipe is read back up to 1 MiB
MOST_NAME = 200
_TEXTS = ("prompt", "negative_prompt", "sampler", "schedule", "model", "model_hash")


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that was brought in.

    Attributes:
        name: below the folder that it lay in.
        sha256: of its bytes.
        format: "PNG", "JPEG" or "WEBP".
        modified: unix seconds.
        as_it_is: whether the gallery's file has all its bytes.
    """

    name: str
    sha256: str
    format: str
    modified: float
    as_it_is: bool


def imported_recipe(foreign: ForeignRecipe | None, origin: Origin, notes: tuple[str, ...] = ()) -> Recipe:
    """The recipe under which the gallery keeps it.

    Args:
        foreign: what its tool wrote; None where nothing was found.
        notes: what became of the file on its way.
    """
    file = {"name": origin.name[-MOST_NAME:], "sha256": origin.sha256, "format": origin.format}
    said = asdict(foreign) if foreign else {"tool": ""}
    said, cut = _short(said, origin.as_it_is)
    return Recipe(
        kind=KIND,
        request={**{name: value for name, value in said.items() if name != "notes"}, "file": file},
        seed=foreign.seed if foreign and foreign.seed is not None and 0 <= foreign.seed < 2**64 else None,
        model={"name": bare_name(foreign.model), "hash": foreign.model_hash} if foreign and foreign.model else {},
        loras=tuple(asdict(lora) for lora in foreign.loras) if foreign else (),
        embeddings=tuple(asdict(each) for each in foreign.embeddings) if foreign else (),
        created_at=_moment(origin.modified),
        notes=(*(foreign.notes if foreign else ()), *cut, *notes),
    )


def foreign_recipe(recipe: Recipe) -> ForeignRecipe | None:
    """What its tool wrote, from the recipe under which the gallery keeps it; None where nothing was found then."""
    said = Fields(recipe.request)
    if not (tool := said.text("tool")):
        return None
    rest = said.mapping("not_understood")
    found: dict[str, Any] = {name: said.text(name) for name in _TEXTS}
    found |= {name: said.whole(name) for name in ("seed", "steps", "clip_skip")}
    found |= {name: said.whole(name, least=1) for name in ("width", "height")}
    found |= {name: said.number(name) for name in ("guidance", "strength")}
    return ForeignRecipe(
        tool,
        **found,
        loras=tuple(listed(said.items("loras"))),
        embeddings=tuple(ForeignEmbedding(each.name, each.hash) for each in listed(said.items("embeddings"))),
        not_understood={key: as_text(value) for key, value in rest.items()},
        notes=recipe.notes,
    )


def describe(recipe: Recipe) -> Words:
    """By its prompt, else by the name of its file."""
    file = recipe.request.get("file")
    name = file.get("name") if isinstance(file, Mapping) else ""
    known = bool(recipe.request.get("tool"))
    return Words(recipe.prompt or str(name or ""), recipe.negative_prompt, digital_source=TRAINED if known else "")


def _short(said: dict[str, Any], as_it_is: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the tool wrote beyond the fields, such as a whole workflow, kept to a size that a row may have."""
    texts = dict(said.get("not_understood") or {})
    room, cut = MOST_TEXTS, []
    for name, text in texts.items():
        most = min(MOST_TEXT, room) if as_it_is else room
        if len(text) > most:
            cut.append(name)
            texts[name] = text[:most] + "…"
        room -= min(len(text), most)
    where = "the file has it whole" if as_it_is else "the file that was brought in has it whole"
    notes = (f"Cut short in the recipe; {where}: {', '.join(cut)[:200]}.",) if cut else ()
    return ({**said, "not_understood": texts} if texts else said), notes


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):  # a clock that was far off
        return ""
