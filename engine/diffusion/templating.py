"""A form's words with templates in them become the words of each image, before the drawing is queued."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.diffusion.request import NUM_IMAGES, RANDOM_SEED_LIMIT, SEED, SEEDS
from engine.errors import Problem, TemplateRefused
from engine.prompting.parsing import is_template, literal
from engine.prompting.templates import resolve
from engine.prompting.wildcards import Wildcards
from engine.rules import MAX_PROMPT_CHARACTERS, cleaned, field_label

FIELDS = ("prompt", "negative_prompt")


def resolved(values: Mapping[str, Any], home: Path) -> Mapping[str, Any]:
    """The values with the words of every image beside the template that was typed; else as they are.

    Values that name a template, if only to say that there is none, are those of a request that was made before, and
    stay. A seed that is open is drawn. What is wrong stays as it is, and `template_problems` tells why.
    """
    typed = {name: cleaned(values[name]) for name in FIELDS if isinstance(values.get(name), str)}
    if "prompt_template" in values or not any(map(is_template, typed.values())):
        return values
    values = {"seed": None, "num_images": NUM_IMAGES.default, **values}
    if values["seed"] is None:
        values["seed"] = random.SystemRandom().randrange(RANDOM_SEED_LIMIT)
    if not _can_be_drawn(values, typed):
        return values
    wildcards = Wildcards(home)
    for name, text in typed.items():
        if is_template(text):
            values |= _field(name, text, _seeds(values), wildcards)
    return values


def template_problems(values: Mapping[str, Any], home: Path) -> list[Problem]:
    """Why templates among these values were not resolved."""
    problems = []
    for name in FIELDS:
        template = values.get(f"{name}_template")
        if template and template == values.get(name) and _can_be_drawn(values, {name: template}):
            try:
                _texts(name, template, _seeds(values), Wildcards(home))
            except TemplateRefused as error:
                problems.append(Problem(name, f"{field_label(name)}: {error}"))
    return problems


def _field(name: str, text: str, seeds: Sequence[int], wildcards: Wildcards) -> dict[str, Any]:
    try:
        texts = _texts(name, text, seeds, wildcards)
    except TemplateRefused:
        return {f"{name}_template": text}
    template = None if literal(texts[0]) == text else text
    return {name: texts[0], f"{name}s": texts if len(set(texts)) > 1 else (), f"{name}_template": template}


def _texts(name: str, text: str, seeds: Sequence[int], wildcards: Wildcards) -> tuple[str, ...]:
    # The negative prompt has chance of its own: it stays when the prompt is changed.
    own = SEEDS * FIELDS.index(name)
    return tuple(resolve(text, seed + own, wildcards) for seed in seeds)


def _can_be_drawn(values: Mapping[str, Any], typed: Mapping[str, str]) -> bool:
    """Where it cannot, another rule is broken, which is said."""
    short = all(len(text) <= MAX_PROMPT_CHARACTERS for text in typed.values())
    numbers = (*SEED.problems("seed", values["seed"]), *NUM_IMAGES.problems("num_images", values["num_images"]))
    return short and not numbers


def _seeds(values: Mapping[str, Any]) -> list[int]:
    """Each image's own seed, as `seed_of` has it."""
    step = 0 if values.get("variation_strength") else 1
    return [(values["seed"] + step * index) % SEEDS for index in range(values["num_images"])]
