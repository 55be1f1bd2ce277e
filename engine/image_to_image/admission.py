"""Pictures from pictures: which can be asked for on this machine."""

from collections.abc import Mapping
from typing import Any

from engine.diffusion import admission as diffusion
from engine.diffusion.words import describe
from engine.errors import Problem
from engine.image_to_image.fitting import shape_of
from engine.image_to_image.request import FITS, ImageToImage, image_to_image
from engine.jobs.kind import Here, Kind
from engine.kept_photos import PhotoRef, photo_from, photo_problems
from engine.weights.models import Catalogue
from gallery.errors import GalleryError
from gallery.files import ImageFiles
from gallery.photos import Photos
from gallery.words import COMPOSITE


def _complete(values: Mapping[str, Any], here: Here) -> Mapping[str, Any]:
    """As of a drawing; with a kept shape, width and height follow from the picture where they are left out."""
    open_size = "width" not in values and "height" not in values
    values = diffusion.complete(values, here)
    photo = photo_from(values.get("image"))
    if not open_size or values.get("fit", FITS[0]) != "keep" or photo_problems("image", photo):
        return values
    size = size_of_photo(here, photo)
    model = next((info for info in Catalogue(here.settings).all() if info.name == values["model"]), None)
    if size is None or model is None or not model.native_size:
        return values
    width, height = shape_of(*size, model.native_size**2, model.size_multiple, model.min_size, model.max_size)
    return {**values, "width": width, "height": height}


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    return [*diffusion.check(values, here), *kept_problems(here, "image", photo_from(values.get("image")))]


def kept_problems(here: Here, field: str, photo: PhotoRef | None) -> list[Problem]:
    """Whether a picture that is named is here; what is no name at all is the request's own rule."""
    if photo_problems(field, photo):
        return []
    assert photo is not None
    if size_of_photo(here, photo) is None:
        return [Problem(field, f"{photo.name} is not kept here any more. Choose its file again.")]
    return []


def size_of_photo(here: Here, photo: PhotoRef | None) -> tuple[int, int] | None:
    """Width and height in pixels; None where it is not here."""
    assert photo is not None
    try:
        return Photos(ImageFiles(here.settings.home)).size(photo.id)
    except GalleryError:
        return None


KINDS = (
    Kind(
        name=ImageToImage.kind,
        read=image_to_image,
        title=lambda request: request.words,
        complete=_complete,
        check=_check,
        settle=ImageToImage.with_seed,
        afresh=diffusion.afresh,
        alone=ImageToImage.alone,
        pictures=lambda request: request.num_images,
        preview_width=lambda request: request.width * request.enlarged,
        describe=lambda recipe: describe(recipe, COMPOSITE),
    ),
)
