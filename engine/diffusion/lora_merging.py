"""LoRAs in the weights themselves for as long as one drawing takes: the same layers, asked once instead of twice.

The originals are put aside and back, never computed back, so afterwards every weight has its bits again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Merged:
    """What adapters make of a pipeline's weights.

    Attributes:
        layers: whose weights are changed.
        changes: those weights, and what is in them while a drawing takes.
    """

    layers: tuple[str, ...]
    changes: Sequence[tuple[nn.Parameter, Tensor]]

    @property
    def size_bytes(self) -> int:
        """Of all that is in them."""
        return sum(tensor.numel() * tensor.element_size() for _, tensor in self.changes)

    @contextmanager
    def put_in(self) -> Iterator[None]:
        """Have it in the weights inside the `with` block."""
        originals = [parameter.data for parameter, _ in self.changes]
        try:
            for parameter, tensor in self.changes:
                parameter.data = tensor
            yield
        finally:
            for (parameter, _), original in zip(self.changes, originals, strict=True):
                if parameter.device == original.device:
                    parameter.data = original
                else:  # a model whose parts visit the GPU by turns is there now
                    parameter.data = original.to(parameter.device)


def merged(pipeline: StableDiffusionPipeline, adapters: Adapters) -> Merged:
    """Add adapters to weights; the pipeline's own are left as they are."""
    layers, changes = by_layer(adapters), []
    for name, parts in layers.items():
        layer = pipeline
        for step in name.split("."):
            layer = getattr(layer, step)
        changes += _changes(layer, parts)
    return Merged(tuple(layers), changes)


@torch.no_grad()
def _changes(
    layer: nn.Module, parts: Iterable[tuple[Mapping[str, Tensor], float]]
) -> Iterator[tuple[nn.Parameter, Tensor]]:
    weight, bias = layer.weight.detach().float(), layer.bias
    for part, strength in parts:
        weight = _with(weight, {name: tensor.to(weight.device) for name, tensor in part.items()}, strength)
        if "B.bias" in part:
            bias = bias.detach() + strength * part["B.bias"].to(bias)
    yield layer.weight, torch.empty_like(layer.weight).copy_(weight)  # in the same order of memory
    if bias is not layer.bias:
        yield layer.bias, bias


def _with(weight: Tensor, part: Mapping[str, Tensor], strength: float) -> Tensor:
    """(out, in) or (out, in, height, width): W + s BA, of a DoRA m (W + s BA) / |W + s BA|."""
    change = part["B.weight"].float().flatten(1) @ part["A.weight"].float().flatten(1)
    moved = weight + strength * change.reshape(weight.shape)
    if "magnitude_vector" not in part:
        return moved
    each = (-1, *[1] * (weight.ndim - 1))
    return moved * (part["magnitude_vector"].float().flatten() / moved.flatten(1).norm(dim=1)).reshape(each)
