"""What was brought: a picture or a text, and the recipe in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.diffusion.prompts.grammar import PLAIN, SYNTAXES, WEIGHTED
from engine.grids.request import Grid
from engine.studio import Studio
from gallery.errors import GalleryError, UnreadableImage
from gallery.foreign import imported, infotext, ours
from gallery.foreign.reading import read_foreign
from gallery.foreign.recipe import ForeignRecipe
from gallery.metadata import read_recipe
from gallery.recipe import Recipe
from pages.generate.details import FED

NO_RECIPE = (
    "This picture has no recipe in it that the studio can read. Many sites and chats remove it when pictures are "
    "uploaded or copied: bring the file as the tool saved it, or paste the text of its settings."
)
NO_TEXT = "This text has no settings in it, such as “Steps: 20, Sampler: Euler a”. Copy all of it, with its last line."
OF_ANOTHER_PAGE = (
    "The studio made this picture on another page, so its settings are none for this form. Where the Gallery still has "
    "it, “Use these settings” beside it there leads to its page."
)
WHOLE, TENSORS = 10, 12  # digits: how other tools write the hashes that our recipes have in full


@dataclass(frozen=True, slots=True)
class Brought:
    """What is known of it.

    Attributes:
        recipe: in the shape of all tools; None where there is none, and `problem` says why.
        own: the studio's own recipe, where it is one.
        request: what it asked for; None where this version cannot read it.
        drawing: its values; of a grid those of the drawing that was varied.
        problem: a sentence; empty where there is a recipe.
    """

    recipe: ForeignRecipe | None = None
    own: Recipe | None = None
    request: Any = None
    drawing: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def syntax(self) -> str:
        """How its prompts are read: other tools' with weights, ours as they were."""
        if self.own is None:
            return WEIGHTED
        syntax = self.drawing.get("prompt_syntax", PLAIN)
        return syntax if syntax in SYNTAXES else PLAIN


def brought_picture(studio: Studio, data: bytes) -> Brought:
    """The recipe in a picture's file."""
    try:
        own = read_recipe(data)
    except UnreadableImage:  # damaged, or no picture: the other reader says it
        own = None
    try:
        if own and own.kind != imported.KIND:  # that of another tool was only brought in here
            return _own(studio, own)
        found = read_foreign(data)
    except GalleryError as error:
        return Brought(problem=str(error))
    return Brought(found) if found else Brought(problem=NO_RECIPE)


def brought_text(text: str) -> Brought:
    """The recipe in a text as AUTOMATIC1111 and Civitai show it."""
    found = infotext.read(text)
    return Brought(found) if found else Brought(problem=NO_TEXT)


def _own(studio: Studio, own: Recipe) -> Brought:
    if own.kind not in FED:
        return Brought(problem=OF_ANOTHER_PAGE)
    asked = studio.kinds.read(own.kind, own.request)
    base = asked.base if isinstance(asked, Grid) else asked
    drawing: Mapping[str, Any] = base.to_dict() if base else own.request
    seed = base.seed if isinstance(asked, Grid) else own.seed
    recipe = ours.read(replace(own, request=drawing, seed=seed))
    loras = tuple(replace(lora, hash=lora.hash[:TENSORS]) for lora in recipe.loras)
    # How it began is a row of its own, and everything else that it says is restored.
    recipe = replace(recipe, model=own.model_name, model_hash=recipe.model_hash[:WHOLE], loras=loras)
    return Brought(replace(recipe, strength=None, not_understood={}), own, asked, drawing)
