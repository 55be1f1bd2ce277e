"""Sheets of noise: which can be asked for on this machine."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.errors import Problem
from engine.image_to_image import admission as image_to_image
from engine.jobs.kind import Here, Kind
from engine.noising.request import NoiseAndDenoise, noise_and_denoise
from engine.noising.words import describe
from engine.weights.models import Catalogue

_FROM_PICTURE = image_to_image.KINDS[0]


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    problems = _FROM_PICTURE.check(values, here)
    model = next((info for info in Catalogue(here.settings).all() if info.name == values["model"]), None)
    if model is not None and model.inpainting:
        text = f"{model.title} redraws parts of pictures alone. Choose a model that draws whole ones."
        problems = [*(problem for problem in problems if problem.field != "model"), Problem("model", text)]
    return problems


KINDS = (
    Kind(
        name=NoiseAndDenoise.kind,
        read=noise_and_denoise,
        title=lambda request: f"Noise and denoise: {request.image.name}",
        complete=_FROM_PICTURE.complete,
        check=_check,
        settle=NoiseAndDenoise.with_seed,
        afresh=lambda request, here: replace(request, seed=None),
        alone=lambda request, index: request,
        pictures=lambda request: 1,
        preview_width=lambda request: request.width,
        describe=describe,
    ),
)
