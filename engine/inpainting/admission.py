"""Redrawn parts of pictures: which can be asked for on this machine."""

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from engine.diffusion import admission as diffusion
from engine.diffusion.words import describe
from engine.errors import Problem
from engine.image_to_image.admission import kept_problems, size_of_photo
from engine.inpainting.region import THRESHOLD
from engine.inpainting.request import BEYOND, EXTEND, Inpaint, inpaint
from engine.jobs.kind import Here, Kind
from engine.kept_photos import PhotoRef, photo_from, photo_problems
from gallery.errors import GalleryError
from gallery.files import ImageFiles
from gallery.metadata import MOST_IN_WORDS, can_keep
from gallery.photos import Photos
from gallery.words import COMPOSITE


def _complete(values: Mapping[str, Any], here: Here) -> Mapping[str, Any]:
    """As of a drawing; what only draws on beyond the edges has defaults of its own."""
    beyond = values.get("mask") is None and any(_sides(values.get("extend")))
    return diffusion.complete({**(BEYOND if beyond else {}), **values}, here)


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    image, mask = photo_from(values.get("image")), photo_from(values.get("mask"))
    problems = [*diffusion.check_part(values, here), *kept_problems(here, "image", image)]
    if mask:
        problems += kept_problems(here, "mask", mask)
    size = None if photo_problems("image", image) else size_of_photo(here, image)
    if size is None:
        return problems
    if mask and not photo_problems("mask", mask):
        problems += _mask_problems(here, mask, size, values.get("extend"))
    return [*problems, *_too_large(size, values.get("extend"))]


def _mask_problems(here: Here, mask: PhotoRef, size: tuple[int, int], extend: Any) -> list[Problem]:
    own = size_of_photo(here, mask)
    if own is None:
        return []
    if own != size:
        return [
            Problem(
                "mask",
                f"The mask must have the picture's {size[0]}x{size[1]} pixels; got {own[0]}x{own[1]}. Paint it on the "
                "picture, or bring it to that size.",
            )
        ]
    if not any(_sides(extend)) and _brightest(here, mask) < THRESHOLD:
        text = "The mask is black all over, so nothing would change. Paint white what shall be redrawn."
        return [Problem("mask", text)]
    return []


def _brightest(here: Here, mask: PhotoRef) -> int:
    try:
        data = Photos(ImageFiles(here.settings.home)).png(mask.id)
    except GalleryError:
        return 255  # said of the file itself
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        return max(image.convert("L").tobytes())


def _too_large(size: tuple[int, int], extend: Any) -> list[Problem]:
    left, top, right, bottom = _sides(extend)
    width, height = size[0] + left + right, size[1] + top + bottom
    if can_keep(width, height):
        return []
    field = "extend" if can_keep(*size) else "image"
    return [
        Problem(
            field,
            f"A finished picture may have {MOST_IN_WORDS}; this one would have {width}x{height}. "
            f"{'Extend it less.' if field == 'extend' else 'Begin with a smaller picture.'}",
        )
    ]


def _sides(extend: Any) -> tuple[int, ...]:
    """What breaks a rule counts as nothing here: it is the request's own problem."""
    sides = tuple(extend) if isinstance(extend, list | tuple) else ()
    return sides if len(sides) == 4 and not any(EXTEND.problems("", side) for side in sides) else (0, 0, 0, 0)


KINDS = (
    Kind(
        name=Inpaint.kind,
        read=inpaint,
        title=lambda request: request.words,
        complete=_complete,
        check=_check,
        settle=Inpaint.with_seed,
        afresh=diffusion.afresh,
        alone=Inpaint.alone,
        pictures=lambda request: request.num_images,
        preview_width=lambda request: request.width,
        describe=lambda recipe: describe(recipe, COMPOSITE),
    ),
)
