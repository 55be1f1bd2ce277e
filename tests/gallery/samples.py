"""Pictures and recipes to save."""

import os
import random

import pytest
from PIL import Image

from gallery import Recipe
from gallery.words import Parameters, Words

sqlite_only = pytest.mark.skipif("STUDIO_TEST_DATABASE_URL" in os.environ, reason="about SQLite files")
postgresql_only = pytest.mark.skipif("STUDIO_TEST_DATABASE_URL" not in os.environ, reason="needs a PostgreSQL server")


def picture(seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (24, 16)) -> Image.Image:
    """Noise that is different for every seed."""
    count = size[0] * size[1] * len(mode)
    return Image.frombytes(mode, size, random.Random(seed).randbytes(count))


def recipe(prompt: str = "a red dragon", **changes) -> Recipe:
    """A complete recipe, as the engine writes it."""
    request = {
        "prompt": prompt,
        "negative_prompt": "blurry",
        "seed": 40,
        "num_inference_steps": 20,
        "guidance_scale": 7.5,
        "width": 768,
        "height": 512,
        "num_images": 4,
        "scheduler": "DPM++ 2M Karras",
        "model": "mini",
        "loras": [{"name": "ink", "weight": 0.8}],
    }
    values = {
        "kind": "text_to_image",
        "request": request,
        "image_index": 2,
        "seed": 42,
        "model": {"name": "mini", "title": "Mini", "sha256": "ab" * 32, "base": "sd2", "single_file": False},
        "loras": ({"name": "ink", "weight": 0.8, "sha256": "8c6dd764ceff" + "0" * 52, "rank": 4, "base": "sd2"},),
        "software": {"studio": "0.1.0", "torch": "2.14.1"},
        "device": "cpu",
        "dtype": "float32",
        "seconds": 1.25,
        "created_at": "2026-11-22T02:00:00Z",
        "notes": ("half of the prompt was cut",),
    }
    return Recipe(**{**values, **changes})


def describe(recipe: Recipe) -> Words:
    """What the engine says of drawings, in short."""
    return Words(recipe.prompt, recipe.negative_prompt, parameters(recipe))


def parameters(recipe: Recipe) -> Parameters:
    """For other tools, in short."""
    core = (("Steps", 20), ("Seed", recipe.seed), ("Size", "768x512"))
    return Parameters(recipe.prompt, recipe.negative_prompt, core)


HARD_PROMPTS = [
    "a red dragon",
    "龍と少女、夕焼け 🐉👩‍🎨",
    "quotes \" and \\ and ' and <lora:x:1> {json: [1, 2]}",
    "first line\nsecond line: with a colon, and commas",
    "café naïve Ünïcödé",
    "%s %(name)s {0} $HOME `id` <script>alert(1)</script>",
    "",
]
