"""A form's words with templates in them become the words of each image, before the drawing is queued."""

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from engine.diffusion.request import NUM_IMAGES, RANDOM_SEED_LIMIT, SEED, SEEDS, TextToImage
from engine.errors import InvalidRequest, NotFound, Problem, TemplateRefused
from engine.prompting.parsing import is_template, literal
from engine.prompting.styles import Styles
from engine.prompting.templates import resolve
from engine.prompting.wildcards import Wildcards
from engine.rules import MAX_PROMPT_CHARACTERS, cleaned, field_label

FIELDS = ("prompt", "negative_prompt")

R = TypeVar("R", bound=TextToImage)


def resolved(values: Mapping[str, Any], home: Path) -> Mapping[str, Any]:
    """The values with the words of every image, styles in them, beside what was typed; else as they are.

    Values that name a template, if only to say that there is none, are those of a request that was made before, and
    stay. A seed that is open is drawn. What is wrong stays as it is, and `template_problems` tells why.
    """
    if "prompt_template" in values or not (values.get("styles") or any(map(is_template, _typed(values).values()))):
        return values
    values = {"seed": None, "num_images": NUM_IMAGES.default, "negative_prompt": "", **values}
    values["styles"] = tuple(values.get("styles") or ())
    if values["seed"] is None:
        values["seed"] = random.SystemRandom().randrange(RANDOM_SEED_LIMIT)
    typed = _typed(values)
    for name in typed if _can_be_drawn(values, typed) else ():
        try:
            values |= _field(name, typed[name], _texts(name, values, home))
        except (TemplateRefused, NotFound):
            values[f"{name}_template"] = typed[name]
    return values


def template_problems(values: Mapping[str, Any], home: Path) -> list[Problem]:
    """Why templates and styles among these values were not resolved."""
    problems = {}
    for name, typed in _typed(values).items():
        if typed == values.get(f"{name}_template") and _can_be_drawn(values, {name: typed}):
            try:
                _texts(name, values, home)
            except TemplateRefused as error:
                problems[name] = Problem(name, f"{field_label(name)}: {error}")
            except NotFound as error:
                problems["styles"] = Problem("styles", str(error))
    return [*problems.values()]


def drawn_anew(request: R, home: Path) -> R:
    """A request for another seed: its templates are resolved for that; words that came of none stay.

    Returns:
        It has a seed where it has templates; else that is open.

    Raises:
        InvalidRequest: a template, a wildcard or a style in it cannot be used any more.
    """
    request = replace(request, seed=None)
    typed = {name: text for name in FIELDS if (text := getattr(request, f"{name}_template")) is not None}
    if not typed:
        return request
    same = {name: getattr(request, name) for name in ("seed", "styles", "num_images", "variation_strength")}
    done = resolved(typed | same, home)
    if problems := template_problems(done, home):
        raise InvalidRequest(problems)
    plain = {key: empty for name in typed for key, empty in ((f"{name}_template", None), (f"{name}s", ()))}
    return replace(request, **plain | {key: done[key] for key in ("seed", *typed, *plain) if key in done})


def _typed(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: cleaned(values[name]) for name in FIELDS if isinstance(values.get(name), str)}


def _field(name: str, typed: str, texts: tuple[str, ...]) -> dict[str, Any]:
    template = None if literal(texts[0]) == typed else typed
    return {name: texts[0], f"{name}s": texts if len(set(texts)) > 1 else (), f"{name}_template": template}


def _texts(name: str, values: Mapping[str, Any], home: Path) -> tuple[str, ...]:
    """The words of each image. Raises TemplateRefused, and NotFound for a style."""
    typed = dict.fromkeys(FIELDS, "") | _typed(values)
    words = dict(zip(FIELDS, Styles(home).apply(values.get("styles") or (), *typed.values()), strict=True))
    # The negative prompt has chance of its own: it stays when the prompt is changed.
    own, wildcards = SEEDS * FIELDS.index(name), Wildcards(home)
    return tuple(resolve(words[name], seed + own, wildcards) for seed in _seeds(values))


def _can_be_drawn(values: Mapping[str, Any], typed: Mapping[str, str]) -> bool:
    """Where it cannot, another rule is broken, which is said."""
    short = all(len(text) <= MAX_PROMPT_CHARACTERS for text in typed.values())
    numbers = (*SEED.problems("seed", values["seed"]), *NUM_IMAGES.problems("num_images", values["num_images"]))
    return short and not numbers


def _seeds(values: Mapping[str, Any]) -> list[int]:
    """Each image's own seed, as `seed_of` has it."""
    step = 0 if values.get("variation_strength") else 1
    return [(values["seed"] + step * index) % SEEDS for index in range(values["num_images"])]


def preview(values: Mapping[str, Any], home: Path) -> tuple[tuple[str, str], list[str]]:
    """Prompt and negative prompt of the first image as they would be drawn, for an open seed as one may be; and what is
    wrong with them.
    """
    seed = values.get("seed")
    values = {**values, "num_images": 1, "seed": seed if not SEED.problems("seed", seed) else 0}
    done = {"negative_prompt": "", **resolved(values, home)}
    return (done["prompt"], done["negative_prompt"]), [problem.message for problem in template_problems(done, home)]
