"""Two pictures and their recipes beside each other: how far the pixels are apart, and what was different."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

VERSIONS, DEVICE, MODEL, LORA, THREADS = "versions", "device", "model", "lora", "threads"
_SHORT = 12  # characters of a hash that people are shown


@dataclass(frozen=True, slots=True)
class Distance:
    """How far two pictures of one size are apart.

    Attributes:
        largest: of all values of all channels, 0 to 255.
        mean: of the same values.
        share: of the pixels that differ at all, 0 to 1.
    """

    largest: int
    mean: float
    share: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact of a recipe that is another one now.

    Attributes:
        group: `VERSIONS`, `DEVICE`, `MODEL`, `LORA` or `THREADS`.
        what: the fact, in words.
        then, now: its values; None where that recipe does not say.
    """

    group: str
    what: str
    then: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.what} ({_short(self.then)} then, {_short(self.now)} now)"


def distance(before: np.ndarray, after: np.ndarray) -> Distance | None:
    """How far (H, W, C) uint8 pictures are apart; None where their shapes differ."""
    if before.shape != after.shape:
        return None
    apart = np.abs(before.astype(np.int16) - after)
    return Distance(int(apart.max(initial=0)), float(apart.mean()), float((apart.max(axis=-1) > 0).mean()))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What two recipes (as JSON values) say differently; what the first does not say is left out."""
    now = {(group, what): value for group, what, value in _facts(after)}
    found = [(group, what, value, now.get((group, what))) for group, what, value in _facts(before)]
    return [Difference(*each) for each in found if each[2] != each[3]]


def unrecorded(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What the second recipe says and the first, of an older version of the studio, does not."""
    said = {(group, what) for group, what, _ in _facts(before)}
    return [what for group, what, _ in _facts(after) if (group, what) not in said]


def _facts(recipe: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Group, name in words, and value of all that pixels may depend on beside the request."""
    for name, value in _mapping(recipe.get("software")).items():
        yield VERSIONS, f"{name}'s version", value
    for name in ("device", "dtype"):
        if recipe.get(name):
            yield DEVICE, {"dtype": "number format"}.get(name, name), recipe[name]
    environment = _mapping(recipe.get("environment"))
    if environment:
        yield DEVICE, "engine", environment.get("backend", "PyTorch")
    yield from _of_loras_merged(recipe)
    for name, value in environment.items():
        if name == "backend":
            continue
        yield (THREADS, "number of threads", value) if name == "threads" else (DEVICE, f"the machine's {name}", value)
    yield from _of_model(_mapping(recipe.get("model")))
    for lora in recipe.get("loras") or ():
        if isinstance(lora, Mapping) and lora.get("sha256"):
            yield LORA, f"the LoRA {lora.get('name')}'s hash", lora["sha256"]


def _of_loras_merged(recipe: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    if recipe.get("loras"):
        merged = _mapping(recipe.get("request")).get("loras_merged")
        yield LORA, "way of applying LoRAs", "in the weights" if merged else "beside the weights"


def _of_model(model: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    if model.get("sha256"):
        yield MODEL, "the model's hash", model["sha256"]
    enlarged_by = _mapping(model.get("enlarged_by"))
    if enlarged_by.get("sha256"):
        yield MODEL, "the upscaler's hash", enlarged_by["sha256"]
    if upscaler := enlarged_by or (model if "scale" in model else None):  # only upscalers have one
        yield DEVICE, "the upscaler's engine", upscaler.get("computed_by", "PyTorch")
    for component, hashes in _mapping(model.get("weights")).items():
        yield MODEL, f"the hash of the model's {component.replace('_', ' ')}", hashes
    for name in ("solver", "nfe", "refinement", "prediction_type"):
        if model.get(name) is not None:
            yield MODEL, f"the model's {name.replace('_', ' ')}", model[name]
    if isinstance(model.get("redrawn_by"), Mapping):
        yield from ((group, f"{what} (second pass)", value) for group, what, value in _of_model(model["redrawn_by"]))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _short(value: Any) -> str:
    if value is None:
        return "not said"
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    text = str(value)
    return text[:_SHORT] if len(text) == 64 else text
