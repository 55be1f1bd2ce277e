"""From trained torch networks to the files that Explore reads; see `chain` and `catalogue`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from engine.files import replacing, write_json
from engine.latent.catalogue import Sidecar, sidecar_values
from engine.weights.hashes import file_sha256


@dataclass
class _Folded:
    """Layers so far, and the weights by layer."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[int, tuple[Tensor, Tensor | None]] = field(default_factory=dict)
    last: int = -1  # the layer with weights that a normalisation goes into


def folded(modules: Iterable[nn.Module]) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
    """A chain's layers, and its weights by "i.weight" and "i.bias", of modules in their order.

    Raises:
        TypeError: a module that chains do not know.
    """
    found = _Folded()
    for module in modules:
        _fold(found, module)
    named = {f"{place}.weight": weight for place, (weight, _) in found.weights.items()}
    named |= {f"{place}.bias": bias for place, (_, bias) in found.weights.items() if bias is not None}
    return found.layers, {name: weight.detach().float().contiguous() for name, weight in named.items()}


def _fold(found: _Folded, module: nn.Module) -> None:
    match module:
        case nn.Sequential() | nn.ModuleList():
            for part in module:
                _fold(found, part)
        case nn.BatchNorm2d():
            _fold_normalisation(found, module)
        case nn.Linear() | nn.Conv2d() | nn.ConvTranspose2d():
            found.last = len(found.layers)
            found.weights[found.last] = (module.weight, module.bias)
            found.layers.append(_with_weights(module))
        case _:
            found.layers.append(_without_weights(module))


def _with_weights(module: nn.Module) -> dict[str, Any]:
    if isinstance(module, nn.Linear):
        return {"op": "linear"}
    assert isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))
    settings = {"stride": module.stride[0], "padding": int(module.padding[0])}
    if isinstance(module, nn.Conv2d):
        return {"op": "convolution", **settings}
    return {"op": "transposed_convolution", **settings, "output_padding": module.output_padding[0]}


def _without_weights(module: nn.Module) -> dict[str, Any]:
    match module:
        case nn.LeakyReLU():
            return {"op": "leaky_relu", "slope": module.negative_slope}
        case nn.ReLU():
            return {"op": "leaky_relu", "slope": 0.0}
        case nn.Tanh():
            return {"op": "tanh"}
        case nn.Flatten():
            return {"op": "reshape", "shape": [-1]}
        case nn.Unflatten():
            return {"op": "reshape", "shape": list(module.unflattened_size)}
    raise TypeError(f"A chain has no {type(module).__name__}.")


def _fold_normalisation(found: _Folded, norm: nn.BatchNorm2d) -> None:
    """gamma (W x + b - mean) / sigma + beta is another W and b; a linear layer's outputs are maps of equal channels."""
    weight, bias = found.weights[found.last]
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    operation = found.layers[found.last]["op"]
    if operation == "linear":
        pixels = len(weight) // len(scale)
        scale, shift = scale.repeat_interleave(pixels), shift.repeat_interleave(pixels)
    along = (1, -1, 1, 1) if operation == "transposed_convolution" else (-1, *[1] * (weight.ndim - 1))
    found.weights[found.last] = (weight * scale.view(along), shift if bias is None else bias * scale + shift)


def export(path: Path, chains: Mapping[str, Iterable[nn.Module]], sidecar: Sidecar) -> Path:
    """Write PATH, a .safetensors file in float16, and the .json beside it, last.

    Args:
        chains: modules in evaluation order by the chain's name.
        sidecar: all but its chains and its hash.
    """
    layers: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for name, modules in chains.items():
        layers[name], weights = folded(modules)
        tensors |= {f"{name}.{key}": weight.half() for key, weight in weights.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(save(tensors))
    write_json(path.with_suffix(".json"), sidecar_values(sidecar, layers, file_sha256(path)))
    return path
