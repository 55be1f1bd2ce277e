"""Upscaling: what can be asked for on this machine."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.diffusion import admission as diffusion
from engine.diffusion.request import TextToImage, text_to_image
from engine.errors import Problem
from engine.jobs.kind import Here, Kind
from engine.kept_photos import PhotoRef, photos_from
from engine.upscaling.catalogue import factor_problem, upscalers
from engine.upscaling.request import DEFAULT_UPSCALER, FACTORS, Upscale, upscale, upscale_problems
from engine.upscaling.words import describe
from gallery.errors import GalleryError
from gallery.files import ImageFiles
from gallery.metadata import MOST_IN_WORDS, can_keep
from gallery.photos import Photos

NAMED = 3  # pictures of a job that its title names


def _completed(values: Mapping[str, Any], here: Here) -> Mapping[str, Any]:
    """A second pass takes its model's own size and what else the model wants where that is left out."""
    values = {"factor": FACTORS[0], "upscaler": DEFAULT_UPSCALER, "redraw_strength": 0.0, "redraw": None, **values}
    redraw = values["redraw"]
    return {**values, "redraw": diffusion.complete(redraw, here)} if isinstance(redraw, Mapping) else values


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    photos = photos_from(values.get("photos"))
    redraw = values["redraw"].to_dict() if isinstance(values["redraw"], TextToImage) else values["redraw"]
    drawing = text_to_image(redraw) if redraw else None
    if upscale_problems({**values, "photos": photos, "redraw": drawing}):
        return []  # the request says those, and the rest makes no sense with them
    return [
        *(diffusion.check(redraw, here) if redraw else []),
        *_upscaler_problems(values, here),
        *_picture_problems(photos, values["factor"], here),
    ]


def _upscaler_problems(values: Mapping[str, Any], here: Here) -> list[Problem]:
    known = {info.name: info for info in upscalers(here.settings)}
    info = known.get(values["upscaler"])
    if info is None:
        text = f"There is no upscaler named {values['upscaler']!r}; known are: {', '.join(known)}."
        return [Problem("upscaler", text)]
    if info.problem:
        return [Problem("upscaler", f"{info.title} cannot be used: {info.problem}")]
    problem = factor_problem(info, values["factor"])
    return [Problem("factor", problem)] if problem else []


def _picture_problems(photos: Iterable[PhotoRef], factor: int, here: Here) -> list[Problem]:
    kept = Photos(ImageFiles(here.settings.home))
    found = (_picture_problem(kept, photo, factor) for photo in photos)
    return [problem for problem in found if problem]


def _picture_problem(kept: Photos, photo: PhotoRef, factor: int) -> Problem | None:
    try:
        size = kept.size(photo.id)
    except GalleryError:
        return Problem("photos", f"{photo.name} is not kept here any more. Choose it again.")
    width, height = size
    if can_keep(width * factor, height * factor):
        return None
    fits = [each for each in FACTORS if can_keep(width * each, height * each)]
    advice = f"Choose factor {max(fits)}, or make it smaller first." if fits else "Make it smaller first."
    return Problem(
        "factor",
        f"The gallery keeps pictures of at most {MOST_IN_WORDS}; {photo.name} has {width}x{height}, and "
        f"{factor} times that is {width * factor}x{height * factor}. {advice}",
    )


def _title(request: Upscale) -> str:
    names = [" ".join(photo.name.split())[:60] for photo in request.photos]
    if len(names) == 1:
        return f"{request.factor}x of {names[0]}"
    return f"{request.factor}x of {len(names)} pictures: {', '.join(names[:NAMED])}{', …' * (len(names) > NAMED)}"


KINDS = (
    Kind(
        name=Upscale.kind,
        read=upscale,
        title=_title,
        complete=_completed,
        check=_check,
        settle=Upscale.with_seed,
        alone=Upscale.alone,
        pictures=lambda request: len(request.photos),
        stepwise=False,
        describe=describe,
    ),
)
