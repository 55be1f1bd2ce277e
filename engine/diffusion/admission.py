"""Drawings: which can be asked for on this machine."""

from collections.abc import Mapping
from typing import Any

from engine.computing.names import asked_problem
from engine.diffusion.backends.names import default_backend, torch_alone
from engine.diffusion.defaults import FIELDS, defaults_here
from engine.diffusion.prompts.embeddings import embedding_problems
from engine.diffusion.prompts.grammar import PLAIN, WEIGHTED
from engine.diffusion.request import (
    ENLARGED,
    PER_IMAGE,
    SCHEDULERS,
    TextToImage,
    loras_from,
    sampler_problems,
    text_to_image,
)
from engine.diffusion.templating import R, drawn_anew, resolved, template_problems
from engine.diffusion.words import describe
from engine.errors import InvalidRequest, Problem
from engine.jobs.kind import Here, Kind
from engine.rules import MAX_PROMPT_CHARACTERS, multiple
from engine.settings import TORCH
from engine.weights.checks import default_model, lora_problems, model_problems
from engine.weights.embeddings.listing import list_embeddings
from engine.weights.models import Catalogue, ModelInfo, size_problems
from gallery.metadata import MOST_IN_WORDS, can_keep

UNKNOWN_SIZE = 512  # for a model that is not known, which is reported beside it


def complete(values: Mapping[str, Any], here: Here) -> dict[str, Any]:
    """What a form leaves out: the words of each image, the default model, its own size, what else it wants and what
    computes it; and what is asked for anew has weights.

    Raises:
        ModelBroken: the file of the artist's own defaults cannot be read.
        InvalidRequest: what is to compute it is not here.
    """
    values = {"prompt": "", "prompt_syntax": WEIGHTED, **resolved(values, here.settings.home)}
    values = {name: value for name, value in values.items() if name != "backend" or value}
    if problem := asked_problem(values.get("backend"), here.accelerated):
        raise InvalidRequest([Problem("backend", problem)])
    merged = {"loras_merged": bool(values.get("loras")) and not here.accelerated}
    given = values.keys() >= {"model", "width", "height", *FIELDS}
    if given and ("backend" in values or torch_alone(here.settings, here.accelerated)):
        return {"backend": TORCH, **merged, **values}
    name, info = model_asked(values, here)
    computed = {"backend": default_backend(here.settings, info, here.accelerated), **merged}
    if given:
        return {**computed, **values}
    native = (info.native_size if info else 0) or UNKNOWN_SIZE
    wanted = defaults_here(here.settings, info, loras_from(values.get("loras")))
    return {"model": name, "width": native, "height": native, **wanted.values(), **computed, **values}


def model_asked(values: Mapping[str, Any], here: Here) -> tuple[str, ModelInfo | None]:
    """Name of the model that is asked for, the default one where none is; None beside it where it is not known."""
    models = Catalogue(here.settings).all()
    name = values.get("model", default_model(models, here.accelerated).name)
    return name, next((info for info in models if info.name == name), None)


def check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    """What speaks against drawing a whole picture."""
    return _checked(values, here, part=False)


def check_part(values: Mapping[str, Any], here: Here) -> list[Problem]:
    """What speaks against drawing a part of a picture."""
    return _checked(values, here, part=True)


def _checked(values: Mapping[str, Any], here: Here, part: bool) -> list[Problem]:
    models = Catalogue(here.settings).all()
    model = next((info for info in models if info.name == values["model"]), None)
    problems = model_problems(values["model"], models)
    width, height = values["width"], values["height"]
    if model and not any((*multiple("width", width, 8), *multiple("height", height, 8))):
        problems += size_problems(model, width, height)
    problems += _enlarged_problems(values)
    if model and model.inpainting and not part:
        text = f"{model.title} was made for redrawing parts of pictures: choose a part of one, or another model."
        problems.append(Problem("model", text))
    if model:
        problems += sampler_problems(values.get("scheduler", SCHEDULERS[0]), model.prediction_type)
    names = [lora.name for lora in loras_from(values.get("loras"))]
    problems += lora_problems(here.settings, names, model)
    return [*problems, *_embedding_problems(values, here, model), *template_problems(values, here.settings.home)]


def _enlarged_problems(values: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with a side or the factor itself is said elsewhere."""
    times, sides = values.get("enlarged", 1), (values["width"], values["height"])
    if times not in ENLARGED or any(type(side) is not int for side in sides):
        return []
    width, height = (side * times for side in sides)
    if times == 1 or can_keep(width, height):
        return []
    text = f"Pictures have at most {MOST_IN_WORDS}; {times} times as large it would have {width}x{height}. Lower it."
    return [Problem("enlarged", text)]


def embeddings_checked(values: Mapping[str, Any], here: Here) -> list[Problem]:
    """What speaks against the embeddings that the words of a drawing name."""
    models = Catalogue(here.settings).all()
    return _embedding_problems(values, here, next((info for info in models if info.name == values["model"]), None))


def _embedding_problems(values: Mapping[str, Any], here: Here, model: ModelInfo | None) -> list[Problem]:
    known = list_embeddings(here.settings.embedding_folders)
    syntax = values.get("prompt_syntax", PLAIN)
    read = {name: _readable(values.get(name), values.get(several)) for name, several in PER_IMAGE.items()}
    return [
        problem for name, prompts in read.items() for problem in embedding_problems(known, name, prompts, syntax, model)
    ]


def _readable(first: Any, further: Any) -> list[str]:
    """The prompts of a field, without what is refused anyway: no text, or too long a one."""
    prompts = [first, *(further if isinstance(further, tuple | list) else ())]
    short = [each for each in prompts if isinstance(each, str) and len(each) <= MAX_PROMPT_CHARACTERS]
    return list(dict.fromkeys(short))


def afresh(request: R, here: Here) -> R:
    """The same drawing for other seeds, its templates drawn anew. Raises InvalidRequest where they cannot be."""
    return drawn_anew(request, here.settings.home)


KINDS = (
    Kind(
        name=TextToImage.kind,
        read=text_to_image,
        title=lambda request: request.words,
        complete=complete,
        check=check,
        settle=TextToImage.with_seed,
        afresh=afresh,
        alone=TextToImage.alone,
        pictures=lambda request: request.num_images,
        preview_width=lambda request: request.width * request.enlarged,
        describe=describe,
    ),
)
