"""Reproductions: of which pictures they can be asked for, and what of them becomes a picture of the gallery."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import InvalidRequest, Problem, StudioError
from engine.jobs.kind import Here, Kind, Kinds
from engine.jobs.records import Job
from engine.picture_files import rgb_image
from engine.picture_gate import Refused, Rules, decoded
from engine.reproducing.request import Reproduce, refused, require_mapping
from engine.reproducing.verdict import files_of
from gallery.metadata import MAX_PIXELS, read_recipe
from gallery.records import ImageRecord
from gallery.store import Gallery


def of_picture(gallery: Gallery, kinds: Kinds, image_id: str, owner: str | None = None) -> Reproduce:
    """The request that makes a picture again.

    Raises:
        GalleryError: there is no such picture, or its file, with which it would be compared, is gone or damaged.
        InvalidRequest: its recipe cannot be run again; the text says why.
    """
    record = gallery.get(image_id, owner)
    gallery.png(image_id, owner)
    recipe = record.recipe
    if record.unreadable:
        raise refused("The recipe of this picture cannot be read. `gallery check --rebuild` reads it from its file.")
    alone = kinds[recipe.kind].alone if recipe.kind in kinds else None
    if alone is None:
        raise refused(_cannot(recipe.kind, kinds))
    request = kinds.read(recipe.kind, recipe.request)
    if request is None:
        raise refused("The recipe of this picture is of another version of the studio, which this one cannot read.")
    return Reproduce(image=record.id, asked=_alone(alone, request, recipe.image_index))


def keep(gallery: Gallery, job: Job) -> ImageRecord:
    """Take the picture of a reproduction into the gallery, with its recipe; pressed twice it is kept once.

    Raises:
        StudioError: it is not there any more.
        GalleryError: the gallery did not take it.
    """
    _, path = files_of(gallery.files.images.parent, job.id)
    try:
        data = path.read_bytes()
        recipe = read_recipe(data)
        picture = rgb_image(decoded(data, Rules(("PNG",), MAX_PIXELS), "rgb"))
    except (OSError, Refused):
        recipe = None
    if recipe is None:
        raise StudioError("The picture that was made again is not here any more. Press Reproduce again.")
    return gallery.save(picture, recipe, owner=job.owner, job_id=job.id, job_index=0)


def _alone(alone: Any, request: Any, index: int) -> Any:
    try:
        return alone(request, index)
    except (AssertionError, IndexError, InvalidRequest):  # a recipe that was damaged and is no whole one any more
        raise refused("The recipe of this picture lacks its seed or its words, so it cannot be run again.") from None


def _cannot(kind: str, kinds: Kinds) -> str:
    if kind == "imported":
        return "This picture was made by another tool, which cannot be run from here."
    if kind in kinds:
        return "A sheet is put together from its pictures. Reproduce one of those."
    return f"This version of the studio does not know how a picture of the kind {kind!r} is made."


def kinds(others: Iterable[Kind[Any]]) -> tuple[Kind[Reproduce], ...]:
    """The kind of work, on pictures of these kinds."""
    known = {kind.name: kind for kind in others if kind.alone}

    def inner(values: Mapping[str, Any]) -> Kind[Any]:
        name = values.get("of")
        if not isinstance(name, str) or name not in known:
            raise refused(f"Pictures of these kinds can be made again: {', '.join(known)}; got {str(name)[:60]!r}.")
        return known[name]

    def read(values: Mapping[str, Any]) -> Reproduce:
        asked = inner(values).read(require_mapping(values.get("asked")))
        return Reproduce(image=str(values.get("image")), asked=asked)

    def check(values: Mapping[str, Any], here: Here) -> list[Problem]:
        return inner(values).check(require_mapping(values.get("asked")), here)

    return (
        Kind(
            name=Reproduce.kind,
            read=read,
            title=lambda request: f"Again, to compare: {known[request.asked.kind].title(request.asked)}",
            check=check,
            preview_width=lambda request: known[request.asked.kind].preview_width(request.asked),
            stepwise=False,
        ),
    )
