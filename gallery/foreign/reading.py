"""The recipe in any tool's picture: one way in for all."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gallery.errors import UnreadableImage
from gallery.foreign import comfyui, imported, infotext, ours
from gallery.foreign.containers import stealth
from gallery.foreign.containers.files import bytes_of, texts_of
from gallery.foreign.containers.texts import EXIF_COMMENT, JPEG_COMMENT, PUT_RIGHT, XMP_COMMENT, Texts
from gallery.foreign.flat import completed
from gallery.foreign.recipe import ForeignRecipe, with_texts
from gallery.foreign.tools import (
    civitai,
    drawthings,
    easydiffusion,
    fooocus,
    invokeai,
    novelai,
    others,
    stabilitymatrix,
    swarmui,
    tensorart,
)
from gallery.foreign.values import json_object, repaired, storable
from gallery.recipe import Recipe

_COMMENTS = (EXIF_COMMENT, JPEG_COMMENT, XMP_COMMENT, "Comment", "XPComment")
_PLACES = ("parameters", *_COMMENTS, "ImageDescription", "Description", "XMP description", "postprocessing")
# What stands in PNG files under a keyword of its own, and in others as a key of one JSON object.
_KEYWORDS = {
    *("parameters", "prompt", "workflow", "invokeai_metadata", "sd-metadata", "generation_data", "Comment", "smproj"),
    *("parameters-json", "Software", "Source", "Description", "fooocus_scheme"),
}
_NAMED = re.compile(r"\s*([A-Za-z][A-Za-z_-]{1,40}):\s*(?=[{\[])")


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
    found = _ours(texts) or read_texts(texts.found)
    if found is None and not texts.damage:
        found = _hidden(data, texts)
    if found is None:
        if texts.damage:
            raise UnreadableImage(f"{name} is damaged: {texts.damage}, and no recipe stands before that. Get it anew.")
        return None
    damaged = (f"The file is damaged: {texts.damage}.",) if texts.damage else ()
    right = with_texts(found, repaired)
    if right != found:  # inside JSON, which writes such letters as numbers
        texts.note(PUT_RIGHT)
    return with_texts(replace(right, notes=(*right.notes, *texts.notes, *damaged)), storable)


def read_texts(found: dict[str, str]) -> ForeignRecipe | None:
    """The recipe in the texts of a file, by their keys; None where they hold none that is known."""
    texts = _unpacked(found)
    graph = comfyui.read(texts)
    for first in (novelai.read(texts), invokeai.read(texts), civitai.read(texts, graph)):
        if first:
            return first
    for recipe in (tensorart.read(texts, graph), stabilitymatrix.read(texts, graph), easydiffusion.read(texts)):
        if recipe:
            return recipe
    return _of_json(texts, graph) or _of_infotext(texts, graph) or graph or _of_others(texts)


def _ours(texts: Texts) -> ForeignRecipe | None:
    said = texts.found.get("studio_recipe", "")
    try:
        recipe = Recipe.from_json(said) if said else None
        if recipe and recipe.kind == imported.KIND:
            return imported.foreign_recipe(recipe)
        return ours.read(recipe) if recipe else None
    except ValueError:  # damaged; what other tools read may still be there
        return None


def _hidden(data: bytes, texts: Texts) -> ForeignRecipe | None:
    stealth.read(data, texts)
    found = read_texts(texts.found)
    return found and replace(found, notes=(*found.notes, "The recipe was hidden in the lowest bits of the pixels."))


def _unpacked(found: dict[str, str]) -> dict[str, str]:
    """The texts, and those that stand inside one of them: as JSON by PNG's keywords, or behind `Prompt: `."""
    texts = dict(found)
    for text in found.values():
        if named := _NAMED.match(text[:100]):
            texts.setdefault(named[1].lower(), text[named.end() :])
    for place in _COMMENTS:
        inner = json_object(found.get(place, ""))
        for key in inner.keys() & _KEYWORDS:
            value = inner[key]
            if isinstance(value, str) or (isinstance(value, dict) and key != "Comment"):
                texts.setdefault(key, value if isinstance(value, str) else json.dumps(value))
    return texts


def _of_json(texts: dict[str, str], graph: ForeignRecipe | None) -> ForeignRecipe | None:
    for text in _in_places(texts):
        if values := json_object(text):
            if swarm := swarmui.read(values):
                return completed(swarm, graph, "strength")
            for read in (fooocus.read, easydiffusion.read, drawthings.read):
                if recipe := read(values):
                    return recipe
    return None


def _of_others(texts: dict[str, str]) -> ForeignRecipe | None:
    software = texts.get("Software", "") or texts.get("XMP CreatorTool", "")
    for values in (*map(json_object, _in_places(texts)), texts):
        if recipe := others.read(values, software):
            return recipe
    return None


def _of_infotext(texts: dict[str, str], graph: ForeignRecipe | None) -> ForeignRecipe | None:
    sure = texts.get("parameters", "")
    for text in _in_places(texts):
        # A prompt may begin with a brace, as of dynamic prompts; broken JSON is no prompt.
        if not (recipe := infotext.read(text, sure=text == sure and text.lstrip()[:1] not in ("{", "[", '"'))):
            continue
        if texts.get("XMP CreatorTool", "").startswith(drawthings.TOOL):
            return drawthings.of_text(recipe)
        if "fooocus_scheme" in texts or texts.get("MakerNote", "").strip() in ("a1111", "fooocus"):
            return replace(recipe, tool="Fooocus")
        if "smproj" in texts:
            return completed(replace(recipe, tool="StabilityMatrix"), graph, "schedule", "strength")
        if graph is None:
            return recipe
        # A node that saves AUTOMATIC1111's text beside the graph; its sampler's name often holds the schedule.
        tool = graph.tool if recipe.tool == "AUTOMATIC1111" else recipe.tool
        return completed(replace(recipe, tool=tool), graph, "schedule", "strength")
    return None


def _in_places(texts: dict[str, str]) -> Iterator[str]:
    return (texts[place] for place in _PLACES if place in texts)
