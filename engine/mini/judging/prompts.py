"""Prompts to be judged by: scenes that nothing was trained on, in words that name what is judged."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from engine.mini.judging.scene_classifier import ATTRIBUTES
from engine.scenes import words
from engine.scenes.captions import caption, plain_caption
from engine.scenes.scene import Scene, random_scene

# Far from the seeds of the training data (from 1,000,000) and of its held-out pictures (from 900,000,000).
PROMPT_SEED = 950_000_000
REFERENCE_SEED = 960_000_000
VARIANT_SEED = 970_000_000
_TRIES = 60
_WORD = r"[a-z']+"

_PHRASES = {
    "time": (words.TIME,),
    "weather": (words.WEATHER, words.WEATHER_AT_NIGHT),
    "water": (words.WATER, words.WATER_PLACE, words.SHIP_PLACE, words.FLOATING_WATER_PLACE),
    "landmark": (words.LANDMARK,),
}


@dataclass(frozen=True)
class JudgedPrompt:
    """A prompt and what its picture must show.

    Attributes:
        scene: whose attributes are the truth.
        text: the prompt.
        names: the attributes that the text names; only these may be judged.
    """

    scene: Scene
    text: str
    names: frozenset[str]


def held_out_prompts(count: int, first_seed: int = PROMPT_SEED) -> list[JudgedPrompt]:
    """One prompt for each of the scenes from `first_seed` on; always the same."""
    return [prompt_of(random_scene(first_seed + index)) for index in range(count)]


def prompt_of(scene: Scene) -> JudgedPrompt:
    """A caption that names every judged attribute that the scene has; plain words if no drawn caption does."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([scene.seed, 11])))
    nameable = {name for name in ATTRIBUTES if getattr(scene, name) != "none"}
    for _ in range(_TRIES):
        text = caption(scene, rng)
        if named(scene, text) == nameable:
            return JudgedPrompt(scene, text, frozenset(nameable))
    text = plain_caption(scene)
    return JudgedPrompt(scene, text, named(scene, text))


def named(scene: Scene, text: str) -> frozenset[str]:
    """Which of the scene's judged attributes a text names; what is absent from a scene is never named."""
    said = f" {' '.join(re.findall(_WORD, text.lower()))} "
    return frozenset(
        name for name in ATTRIBUTES if any(f" {phrase} " in said for phrase in _phrases(name, getattr(scene, name)))
    )


def majority_share(prompts: Sequence[JudgedPrompt], name: str) -> float:
    """What always answering the most frequent value would score on the prompts that name this attribute."""
    values = [getattr(prompt.scene, name) for prompt in prompts if name in prompt.names]
    return max((values.count(value) for value in set(values)), default=0) / max(1, len(values))


def variants(scene: Scene, count: int) -> list[Scene]:
    """The same attributes from other seeds: what the renderer makes of one prompt."""
    first = VARIANT_SEED + (scene.seed % 1_000_000) * 64
    return [replace(scene, seed=first + index) for index in range(count)]


@cache
def _phrases(name: str, value: str) -> tuple[str, ...]:
    plain = [words.PLAIN[name][value]] if value in words.PLAIN[name] else []
    return (*plain, *(phrase for table in _PHRASES[name] for phrase in table.get(value, ())))
