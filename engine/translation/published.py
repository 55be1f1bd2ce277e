"""Which generator a published state dict belongs to, and where its tensors go in ours.

Our generators hold the same layers in the same order under names of their own (AnimeGANv2's are the published
ones), so a published file is recognised by its keys, then compared key by key and shape by shape.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import InvalidRequest, ModelBroken
from engine.translation.guided import Refinement
from engine.translation.networks.animegan2 import AnimeGan2
from engine.translation.networks.cartoongan import CartoonGan
from engine.translation.networks.cyclegan import CycleGan
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import Solver

MAX_WIDTH, MAX_BLOCKS = 128, 16  # published are 64 and 9; the limits keep a made-up file from filling the memory
SHOWN = 3  # keys of each kind in an error
PREFIX = "module."  # of models saved while they ran on several GPUs
# Statistics that PyTorch before 0.4 kept beside instance norms; CycleGAN's own loader drops them too.
STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")
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
    """

    architecture: str
    settings: dict[str, Any]
    tensors: dict[str, Tensor]


def build(architecture: str, settings: Mapping[str, Any]) -> nn.Module:
    """A generator with random weights.

    Args:
        architecture: a key of `BUILDERS`.
        settings: `width` and `blocks` of cyclegan, cut and nijigan, `solver` of nijigan (fields of `Solver`),
            `refinement` of cut and nijigan (fields of `Refinement`).

    Raises:
        ModelBroken: another architecture, or settings that it does not have.
    """
    try:
        return BUILDERS[architecture](**settings)
    except (KeyError, TypeError, InvalidRequest):
        raise ModelBroken(
            f"A translator is one of {', '.join(BUILDERS)} with its own settings; got {architecture!r} with "
            f"{dict(settings)}. Import its original file again."
        ) from None


def recognise(name: str, state: Mapping[str, Tensor]) -> Recognised:
    """Find the generator that a state dict was saved from.

    Args:
        name: of the file, for errors.
        state: as published, or as saved from our NijiGAN; its values are not looked at, except for fixed filters.

    Raises:
        ModelBroken: no generator has these keys and shapes; the message names those that differ.
    """
    if all(key.startswith(PREFIX) for key in state):
        state = {key.removeprefix(PREFIX): tensor for key, tensor in state.items()}
    architecture = _architecture(name, state)
    if architecture in ("cut", "cyclegan"):
        state = _plain_blocks(state)
    settings = _settings(name, architecture, state)
    model = build(architecture, settings)
    keys = published_keys(architecture, model)
    ours = model.state_dict()
    filters = dict(_filters(**settings)) if architecture == "cut" else {}
    shapes = {key: ours[own].shape for key, own in keys.items()} | {key: f.shape for key, f in filters.items()}
    _require_same(name, architecture, shapes, state)
    _require_filters(name, filters, state)
    return Recognised(architecture, settings, {own: state[key] for key, own in keys.items()})


def published_keys(architecture: str, model: nn.Module) -> dict[str, str]:
    """Our name of each tensor by its published one; where there are no others, both are ours."""
    if architecture not in LAYERS:
        return {key: key for key in model.state_dict()}
    layers = [name for name, module in model.named_modules() if any(True for _ in module.parameters(recurse=False))]
    pairs = zip(LAYERS[architecture](model), layers, strict=True)
    return {
        f"{published}.{kind}": f"{own}.{our_kind}"
        for published, own in pairs
        for kind, our_kind in _kinds(published).items()
    }


def _kinds(published_layer: str) -> dict[str, str]:
    norm = published_layer.startswith("in")  # of CartoonGAN: the only published norms that have parameters
    return {"scale": "weight", "shift": "bias"} if norm else {"weight": "weight", "bias": "bias"}


def _cyclegan_layers(model: nn.Module) -> Iterator[str]:
    blocks = len(model.bottleneck)
    yield from (f"model.{place}" for place in (1, 4, 7))
    yield from (f"model.{place}.conv_block.{layer}" for place in range(10, 10 + blocks) for layer in (1, 5))
    yield from (f"model.{place + blocks}" for place in (10, 13, 17))


def _cut_layers(model: nn.Module) -> Iterator[str]:
    blocks = len(model.bottleneck)
    yield from (f"model.{place}" for place in (1, 4, 8))
    yield from (f"model.{place}.conv_block.{layer}" for place in range(12, 12 + blocks) for layer in (1, 5))
    yield from (f"model.{place + blocks}" for place in (13, 17, 21))


def _cartoongan_layers(model: nn.Module) -> Iterator[str]:
    yield from ("conv01_1", "in01_1", "conv02_1", "conv02_2", "in02_1", "conv03_1", "conv03_2", "in03_1")
    for block in range(4, 4 + len(model.bottleneck)):
        yield from (f"{layer}{block:02d}_{place}" for place in (1, 2) for layer in ("conv", "in"))
    yield from ("deconv01_1", "deconv01_2", "in12_1", "deconv02_1", "deconv02_2", "in13_1", "deconv03_1")


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
# The published names of the layers that have parameters, in the order in which a photo meets them.
LAYERS: dict[str, Callable[[nn.Module], Iterator[str]]] = {
    "cut": _cut_layers,
    "cyclegan": _cyclegan_layers,
    "cartoongan": _cartoongan_layers,
}


def _architecture(name: str, state: Mapping[str, Tensor]) -> str:
    if "model.1.weight" in state:
        return "cut" if any(key.endswith(".filt") for key in state) else "cyclegan"
    for key, architecture in SIGNATURES.items():
        if key in state:
            return architecture
    raise ModelBroken(
        f"{name}: its keys must be those of {', '.join(BUILDERS)}; got {_some(list(state)) or 'none'}. "
        "Choose the file of a generator (a state dict), not of a discriminator or a whole training run."
    )


def _settings(name: str, architecture: str, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Width and number of blocks, where they can differ from file to file."""
    if architecture in ("animegan2", "cartoongan"):
        return {}
    first, place = ("encoder.0.weight", "bottleneck.") if architecture == "nijigan" else ("model.1.weight", "model.")
    inside = ".vector_field." if architecture == "nijigan" else ".conv_block."
    width = state[first].shape[0] if first in state and state[first].ndim else 0
    blocks = len({key.split(".")[1] for key in state if key.startswith(place) and inside in key})
    if not (1 <= width <= MAX_WIDTH and 1 <= blocks <= MAX_BLOCKS):
        raise ModelBroken(
            f"{name}: a {architecture} generator has a width of 1 to {MAX_WIDTH} and 1 to {MAX_BLOCKS} blocks; "
            f"got {width} and {blocks}. Choose another file."
        )
    return {"width": width, "blocks": blocks}


def _plain_blocks(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a model that was trained without dropout and without statistics; both leave no trace in pictures."""
    state = {key: tensor for key, tensor in state.items() if not key.endswith(STATISTICS)}
    if any(".conv_block.5." in key for key in state):
        return state
    return {key.replace(".conv_block.6.", ".conv_block.5."): tensor for key, tensor in state.items()}


def _filters(width: int, blocks: int) -> Iterator[tuple[str, Tensor]]:
    """The fixed blurs of CUT, which ours computes without storing them."""
    down, up = torch.tensor([1.0, 2, 1]) / 4, torch.tensor([1.0, 3, 3, 1]) / 4
    places = [(7, 2, down), (11, 4, down), (12 + blocks, 4, up), (16 + blocks, 2, up)]
    for place, times, taps in places:
        yield f"model.{place}.filt", torch.outer(taps, taps).expand(times * width, 1, -1, -1)


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
