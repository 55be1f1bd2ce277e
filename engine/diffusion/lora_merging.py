"""LoRAs in the weights themselves for as long as one drawing takes: the same layers, asked once instead of twice.

The originals are kept and put back, never computed back, so afterwards every weight has its bits again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor, nn

# Of each adapter its tensors, as `engine.diffusion.lora` hands them to peft, and how strongly it is applied.
Adapters = Sequence[tuple[Mapping[str, Tensor], float]]


def by_layer(adapters: Adapters) -> dict[str, list[tuple[dict[str, Tensor], float]]]:
    """Of each layer, such as "unet.mid_block.attentions.0.proj_in", the parts of the adapters that change it."""
    layers: dict[str, list[tuple[dict[str, Tensor], float]]] = {}
    for tensors, strength in adapters:
        own: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            layer, _, part = name.partition(".lora_")
            own.setdefault(layer, {})[part] = tensor
        for layer, parts in own.items():
            layers.setdefault(layer, []).append((parts, strength))
    return layers


def can_merge(adapters: Adapters) -> bool:
    """Whether merged weights mean the same. A DoRA beside another LoRA on one layer does not: its magnitude is that of
    the layer's own weight with itself alone.
    """
    return all(
        len(parts) == 1 or not any("magnitude_vector" in part for part, _ in parts)
        for parts in by_layer(adapters).values()
    )


@contextmanager
def merged(pipeline: StableDiffusionPipeline, adapters: Adapters) -> Iterator[tuple[str, ...]]:
    """Have these adapters in the weights inside the `with` block.

    Yields:
        The layers whose weights are changed.
    """
    layers = by_layer(adapters)
    kept: list[tuple[Tensor, Tensor]] = []
    try:
        for name, parts in layers.items():
            layer = pipeline
            for step in name.split("."):
                layer = getattr(layer, step)
            kept += [(tensor, tensor.detach().clone()) for tensor in _changed(layer, parts)]
            _merge(layer, parts)
        yield tuple(layers)
    finally:
        for tensor, original in kept:
            tensor.data.copy_(original)


def _changed(layer: nn.Module, parts: Iterable[tuple[Mapping[str, Tensor], float]]) -> list[Tensor]:
    biased = any("B.bias" in part for part, _ in parts)
    return [layer.weight, layer.bias] if biased else [layer.weight]


@torch.no_grad()
def _merge(layer: nn.Module, parts: Iterable[tuple[Mapping[str, Tensor], float]]) -> None:
    weight = layer.weight.detach().float()
    for part, strength in parts:
        weight = _with(weight, {name: tensor.to(weight.device) for name, tensor in part.items()}, strength)
        if "B.bias" in part:
            layer.bias.data.add_(part["B.bias"].to(layer.bias), alpha=strength)
    layer.weight.data.copy_(weight)


def _with(weight: Tensor, part: Mapping[str, Tensor], strength: float) -> Tensor:
    """(out, in) or (out, in, height, width): W + s BA, of a DoRA m (W + s BA) / |W + s BA|."""
    change = part["B.weight"].float().flatten(1) @ part["A.weight"].float().flatten(1)
    moved = weight + strength * change.reshape(weight.shape)
    if "magnitude_vector" not in part:
        return moved
    each = (-1, *[1] * (weight.ndim - 1))
    return moved * (part["magnitude_vector"].float().flatten() / moved.flatten(1).norm(dim=1)).reshape(each)
