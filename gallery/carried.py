"""Marks that go on from what a picture was made from: how that came to be, and whose it is.

A recipe's parents hold them under `marks`, noted when the picture is saved, so that the recipe alone tells what its
files say, whatever becomes of the parents.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gallery.errors import GalleryError
from gallery.files import ImageFiles
from gallery.metadata import read_marks
from gallery.photos import Photos
from gallery.recipe import Recipe
from gallery.words import COMPOSITE, TRAINED, Describe, Words
from gallery.xmp import CARRIED, DIGITAL_SOURCE, MOST_VALUES, clean_marks

MARKS = "marks"
WITH_PIXELS = ("start", "photo", "original", "cell")  # parents that the picture shows; a mask or a style is none


def noted(recipe: Recipe, files: ImageFiles) -> Recipe:
    """The recipe with the marks of its parents, of those that say more than that a model drew a picture of ours."""
    if not recipe.parents:
        return recipe
    return replace(recipe, parents=tuple(_noted(parent, files) for parent in recipe.parents))


def with_marks(describe: Describe) -> Describe:
    """A way to describe pictures that also minds what they were made from."""

    def described(recipe: Recipe) -> Words:
        words = describe(recipe)
        source = _digital_source(words.digital_source, recipe)
        return replace(words, digital_source=source, rights=_rights(recipe)) if recipe.parents else words

    return described


def _noted(parent: Mapping[str, Any], files: ImageFiles) -> Mapping[str, Any]:
    marks = _of_files(parent, files)
    ordinary = parent.get("image") and marks == {DIGITAL_SOURCE: [TRAINED]}
    return {**parent, MARKS: marks} if marks and not ordinary else parent


def _of_files(parent: Mapping[str, Any], files: ImageFiles) -> dict[str, list[str]]:
    """Of the kept photo; of the gallery's picture where none was kept, or by a version that kept no marks."""
    photo, image = parent.get("photo"), parent.get("image")
    for place, known in ((Photos(files).path, photo), (files.image, image)):
        try:
            if isinstance(known, str) and (marks := read_marks(place(known))):
                return marks
        except GalleryError:  # it is gone or damaged: whoever needs its pixels says so
            continue
    return {}


def _digital_source(named: str, recipe: Recipe) -> str:
    """What the kind of work names, unless the parents know better.

    A kind that names `TRAINED` for a picture with parents leaves them as they are, as an upscaler does: where one of
    them is partly a photo, so is the picture. One that names `COMPOSITE` begins with a picture from anywhere: where all
    of those came from elsewhere and were made by a model, nothing in it is anything else, and it must not be marked as
    less than they were.
    """
    parents = list(_shown(recipe))
    sources = [marks.get(DIGITAL_SOURCE, [""])[0] for _, marks in parents]
    if named == TRAINED and any(source not in ("", TRAINED) for source in sources):
        return COMPOSITE
    brought = all(not parent.get("image") for parent, _ in parents)
    if named == COMPOSITE and sources and brought and set(sources) == {TRAINED}:
        return TRAINED
    return named


def _rights(recipe: Recipe) -> dict[str, list[str]]:
    """Of all parents together, each value once."""
    found: dict[str, list[str]] = {}
    for _, marks in _shown(recipe):
        for name in CARRIED:
            found[name] = list(dict.fromkeys([*found.get(name, ()), *marks.get(name, ())]))[:MOST_VALUES]
    return {name: values for name, values in found.items() if values}


def _shown(recipe: Recipe) -> Iterator[tuple[Mapping[str, Any], dict[str, list[str]]]]:
    for parent in recipe.parents:
        if parent.get("role") in WITH_PIXELS:
            yield parent, clean_marks(parent.get(MARKS))
