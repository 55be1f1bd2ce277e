"""The recipe in any tool's picture: one way in for all."""

from dataclasses import replace
from pathlib import Path

from gallery.errors import UnreadableImage
from gallery.foreign import infotext, ours
from gallery.foreign.containers.files import bytes_of, texts_of
from gallery.foreign.containers.texts import EXIF_COMMENT, JPEG_COMMENT, XMP_COMMENT, Texts
from gallery.foreign.recipe import ForeignRecipe
from gallery.metadata import read_recipe

_PLACES = ("parameters", EXIF_COMMENT, JPEG_COMMENT, XMP_COMMENT, "ImageDescription", "Description", "Comment")


def read_foreign(source: Path | bytes) -> ForeignRecipe | None:
    """Read the recipe that a tool wrote into its PNG, JPEG or WebP picture.

    Args:
        source: a file, or its bytes.

    Returns:
        What the file says, with every text, number and name as the tool wrote it; None where a whole file says
        nothing. Reading is bounded in time and memory whatever the file holds.

    Raises:
        UnreadableImage: the source is no such picture, cannot be read, or is damaged and says nothing.
    """
    data = bytes_of(source)
    name = source.name if isinstance(source, Path) else "this file"
    texts = texts_of(data, name)
    found = _ours(data) or _others(texts)
    if found is None:
        if texts.damage:
            raise UnreadableImage(f"{name} is damaged: {texts.damage}, and no recipe stands before that. Get it anew.")
        return None
    damaged = (f"The file is damaged: {texts.damage}.",) if texts.damage else ()
    return replace(found, notes=(*found.notes, *texts.notes, *damaged))


def _ours(data: bytes) -> ForeignRecipe | None:
    try:
        recipe = read_recipe(data)
    except UnreadableImage:  # WebP, which the studio does not write, or damaged
        return None
    return ours.read(recipe) if recipe else None


def _others(texts: Texts) -> ForeignRecipe | None:
    for place in _PLACES:
        text = texts.found.get(place, "")
        if text and not text.lstrip().startswith("{") and (found := infotext.read(text, sure=place == "parameters")):
            return found
    return None
