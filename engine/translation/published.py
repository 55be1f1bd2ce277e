"""Which generator a published state dict belongs to, and where its tensors go in ours.

Our generators hold the same layers in the same order under names of their own (AnimeGANv2's are the published
ones), so a published file is recognised by its keys, then compared key by key and shape by shape.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import InvalidRequest, ModelBroken, Problem
from engine.translation.guided import Refinement
from engine.translation.networks.animegan2 import AnimeGan2
from engine.translation.networks.cartoongan import CartoonGan
from engine.translation.networks.cyclegan import CycleGan
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import Solver
from engine.translation.published_names import (
    BLOCK,
    TUTORIAL,
    as_published,
    filled,
    filters,
    from_tutorial,
    norms,
    published_keys,
)
from engine.translation.state_dicts import StateDict, state_dicts
from engine.translation.vqi2i.networks import VQI2I_AdaIN_Cross

MAX_WIDTH, MAX_BLOCKS = 128, 16  # published are 64 and 9; the limits keep a made-up file from filling the memory
MOST_BYTES = 512 * 10**6  # of a file, and of a tensor in it; the largest published generator has 46 MB
SHOWN = 3  # keys of each kind in an error
FIRST = "model.1.weight"  # of CycleGAN and CUT
# Keys that only one architecture has.
SIGNATURES = {
    "block_a.0.1.weight": "animegan2",
    "conv01_1.weight": "cartoongan",
    "bottleneck.0.vector_field.0.weight": "nijigan",
}


@dataclass(frozen=True)
class Recognised:
    """A state dict that fits a generator exactly.

    Attributes:
        architecture: a key of `BUILDERS`.
        settings: for `build`.
        tensors: under our names, of whatever floating dtype the file has.
        label: where in the file it lay, such as "netG_A"; empty where the file holds nothing else.
    """

    architecture: str
    settings: dict[str, Any]
    tensors: dict[str, Tensor]
    label: str = ""


def build(architecture: str, settings: Mapping[str, Any]) -> nn.Module:
    """A generator with random weights.

    Args:
        architecture: a key of `BUILDERS` or `OWN`.
        settings: `width` and `blocks` of cyclegan, cut and nijigan, `affine`, `enlarging` and `border` of cyclegan,
            `align_corners` of animegan2, `solver` of nijigan (fields of `Solver`), `refinement` of cut and nijigan
            (fields of `Refinement`), sizes of vqi2i.

    Raises:
        ModelBroken: another architecture, or settings that it does not have.
    """
    known = BUILDERS | OWN
    try:
        return known[architecture](**settings)
    except (KeyError, TypeError, ValueError, InvalidRequest):
        raise ModelBroken(
            f"A translator is one of {', '.join(known)} with its own settings; got {architecture!r} with "
            f"{dict(settings)}. Import its original file again."
        ) from None


def recognise(name: str, content: Any, generator: str = "") -> Recognised:
    """Find the generator that was saved.

    Args:
        name: of the file, for errors.
        content: a state dict as published or as saved from our NijiGAN, or dictionaries with such inside; values are
            not looked at, except for fixed filters and norms.
        generator: which one, where there are several: its label, or a word of it.

    Raises:
        ModelBroken: no generator has these keys and shapes; the message names those that differ.
        InvalidRequest: there are several, and `generator` does not tell which.
    """
    found = state_dicts(content, (FIRST, TUTORIAL, *SIGNATURES))
    if not found:
        raise ModelBroken(
            f"{name}: its keys must be those of {', '.join(BUILDERS)}; got {_some(_keys(content)) or 'none'}. "
            "Choose the file of a generator (a state dict), not of a discriminator."
        )
    fitting, refusals = [], []
    for state in found:
        try:
            fitting.append(_recognised(f"{name} ({state.label})" if state.label else name, state))
        except ModelBroken as refusal:
            refusals.append(refusal)
    if not fitting:
        raise refusals[0]
    return _chosen(name, fitting, generator)


def _keys(content: Any) -> list[str]:
    if not isinstance(content, Mapping):
        return [f"a {type(content).__name__}"]
    return [
        f"{key} ({type(value).__name__})" if not isinstance(value, Tensor) else str(key)
        for key, value in content.items()
    ]


def _chosen(name: str, fitting: list[Recognised], wanted: str) -> Recognised:
    """The generator that was asked for, or the only one; of one with its running mean (EMA) the mean."""
    labels = ", ".join(found.label or "the file itself" for found in fitting)
    if wanted:
        named = [found for found in fitting if found.label == wanted]
        fitting = named or [found for found in fitting if wanted in found.label.split(".")]
        if not fitting:
            raise InvalidRequest([Problem("generator", f"{name} holds the generators {labels}; got {wanted!r}.")])
    first, *others = fitting
    if all(_equal(first, other) for other in others):
        return first
    means = [found for found in fitting if _without_ema(found.label) != found.label]
    if len(means) == 1 and len({_without_ema(found.label) for found in fitting} - {""}) <= 1:
        return means[0]
    message = (
        f"{name} holds {len(fitting)} generators ({labels}), often one for each direction, and one translator is one "
        f"of them. Choose with --generator, such as --generator {first.label}."
    )
    raise InvalidRequest([Problem("generator", message)])


def _equal(one: Recognised, other: Recognised) -> bool:
    tensors = other.tensors
    return one.tensors.keys() == tensors.keys() and all(torch.equal(v, tensors[k]) for k, v in one.tensors.items())


def _without_ema(label: str) -> str:
    return re.sub(r"(^|[_.-])ema(?=$|[_.-])", "", label, flags=re.IGNORECASE).strip("_.-")


def _recognised(name: str, found: StateDict) -> Recognised:
    state: Mapping[str, Tensor] = found.tensors
    _require_plain(name, state)
    tutorial = {"border": "reflect"} if TUTORIAL in state else {}
    if tutorial:
        state = from_tutorial(state)
    architecture = _architecture(state)
    if numbered := architecture in ("cut", "cyclegan"):
        state = as_published(name, state)
    settings = _settings(name, architecture, state) | tutorial
    model = build(architecture, settings)
    keys = published_keys(architecture, model)
    ours = model.state_dict()
    shapes = {key: ours[own].shape for key, own in keys.items()}
    if numbered:
        state = filled(state, shapes)
    blurs = dict(filters(**settings)) if architecture == "cut" else {}
    _require_same(name, architecture, shapes | {key: blur.shape for key, blur in blurs.items()}, state)
    _require_filters(name, blurs, state)
    return Recognised(architecture, settings, {own: state[key] for key, own in keys.items()}, found.label)


def _nijigan(
    width: int = 64,
    blocks: int = 4,
    solver: Mapping[str, Any] | None = None,
    refinement: Mapping[str, Any] | None = None,
) -> Generator:
    return Generator(Architecture("ode", blocks, width), Solver(**(solver or {})), _refinement(refinement))


def _cut(width: int = 64, blocks: int = 9, refinement: Mapping[str, Any] | None = None) -> Generator:
    return Generator(Architecture("resnet", blocks, width), refinement=_refinement(refinement))


def _refinement(values: Mapping[str, Any] | None) -> Refinement | None:
    return None if values is None else Refinement(**values)


BUILDERS: dict[str, Callable[..., nn.Module]] = {
    "nijigan": _nijigan,
    "cut": _cut,
    "cyclegan": CycleGan,
    "cartoongan": CartoonGan,
    "animegan2": AnimeGan2,
}

# Of the studio's own trainings alone: there are no published weights to recognise.
OWN: dict[str, Callable[..., nn.Module]] = {"vqi2i": VQI2I_AdaIN_Cross}


def _architecture(state: Mapping[str, Tensor]) -> str:
    if FIRST in state:
        return "cut" if any(key.endswith(".filt") for key in state) else "cyclegan"
    return next(architecture for key, architecture in SIGNATURES.items() if key in state)


def _settings(name: str, architecture: str, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Width, number of blocks and what else can differ from file to file."""
    if architecture in ("animegan2", "cartoongan"):
        return {}
    first, place = ("encoder.0.weight", "bottleneck.") if architecture == "nijigan" else (FIRST, "model.")
    inside = ".vector_field." if architecture == "nijigan" else f".{BLOCK}."
    width = state[first].shape[0] if first in state and state[first].ndim else 0
    blocks = len({key.split(".")[1] for key in state if key.startswith(place) and inside in key})
    if not (1 <= width <= MAX_WIDTH and 1 <= blocks <= MAX_BLOCKS):
        raise ModelBroken(
            f"{name}: a {architecture} generator has a width of 1 to {MAX_WIDTH} and 1 to {MAX_BLOCKS} blocks; "
            f"got {width} and {blocks}. Choose another file."
        )
    settings: dict[str, Any] = {"width": width, "blocks": blocks}
    if architecture == "cyclegan" and norms(state):
        settings["affine"] = True
    if architecture == "cyclegan" and _enlarges_without_weights(state, 10 + blocks):
        settings["enlarging"] = "nearest"
    return settings


def _enlarges_without_weights(state: Mapping[str, Tensor], place: int) -> bool:
    """Whether the layer behind the blocks has none, and the next one is a convolution."""
    following = state.get(f"model.{place + 1}.weight")
    return f"model.{place}.weight" not in state and following is not None and following.ndim == 4


_NUMBERS = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32, torch.int64}


def _require_plain(name: str, state: Mapping[str, Tensor]) -> None:
    other = [key[:120] for key, value in state.items() if value.layout != torch.strided or value.is_quantized]
    if other:
        raise ModelBroken(
            f"{name}: a state dict holds plain tensors only; got sparse or quantized ones ({_some(other)}). "
            "Choose the file before it was made smaller."
        )
    hollow = [
        key[:120]
        for key, value in state.items()
        if value.is_meta or value.dtype not in _NUMBERS or value.nbytes > MOST_BYTES
    ]
    if hollow:
        raise ModelBroken(
            f"{name}: a state dict holds its numbers, whole ones or in float16 to float64, at most {MOST_BYTES:,} "
            f"bytes a tensor; got others ({_some(hollow)}). Choose the file that the training saved."
        )


def _require_same(name: str, architecture: str, shapes: Mapping[str, torch.Size], state: Mapping[str, Tensor]) -> None:
    lacks, more = [key for key in shapes if key not in state], [key for key in state if key not in shapes]
    other = [
        f"{key} is {'x'.join(map(str, state[key].shape))} in place of {'x'.join(map(str, shape))}"
        for key, shape in shapes.items()
        if key in state and state[key].shape != shape
    ]
    found = {"lacks": lacks, "has besides": more, "has in other shapes": other}
    texts = [f"{text} {len(keys)} ({_some(keys)})" for text, keys in found.items() if keys]
    if texts:
        raise ModelBroken(
            f"{name}: a {architecture} generator has exactly {len(shapes)} tensors; this file {'; '.join(texts)}. "
            "It is another kind of generator, or damaged: choose another file."
        )


def _require_filters(name: str, filters: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    for key, blur in filters.items():
        if not torch.allclose(state[key].float(), blur, atol=1e-3):
            raise ModelBroken(
                f"{name}: {key} must be the blur of CUT; got another filter. The file is damaged: get it again."
            )


def _some(keys: list[str]) -> str:
    return ", ".join(key[:120] for key in keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")
