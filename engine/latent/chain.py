"""A trained network as a chain of layers that NumPy computes: what the web process, which has no torch, explores with.

A chain is a list of layers in JSON, each with its operation and settings; the weights of layer i lie in a safetensors
file under "NAME.i.weight" and "NAME.i.bias". Batch normalisation is folded into the layer before it. The networks have
six layers and some ten million multiplications, which NumPy does in a few hundredths of a second.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import ModelBroken

MOST_LAYERS = 64
Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Chain:
    """Layers with their weights.

    Attributes:
        name: what its weights are called by.
        layers: the operation and its settings of each, as JSON values.
        weights: float32, by full name.

    Raises:
        ModelBroken: a layer is unknown, or a weight is missing or of the wrong rank.
    """

    name: str
    layers: tuple[Mapping[str, Any], ...]
    weights: Weights

    def __post_init__(self) -> None:
        if not 0 < len(self.layers) <= MOST_LAYERS:
            raise ModelBroken(f"A chain has 1 to {MOST_LAYERS} layers; {self.name} has {len(self.layers)}.")
        for place, layer in enumerate(self.layers):
            rank = _RANKS.get(layer.get("op", ""))
            weight = self.weights.get(f"{self.name}.{place}.weight")
            if rank is None or (rank and (weight is None or weight.ndim != rank)):
                raise ModelBroken(f"Layer {place} of {self.name} cannot be read: {dict(layer)}. Fetch the file anew.")

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Compute (N, ...) float32.

        Raises:
            ModelBroken: layers do not fit each other.
        """
        try:
            for place, layer in enumerate(self.layers):
                weight, bias = (self.weights.get(f"{self.name}.{place}.{part}") for part in ("weight", "bias"))
                x = _OPERATIONS[layer["op"]](x, layer, weight, bias)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ModelBroken(
                f"The layers of {self.name} do not fit each other: {error}. Fetch the file anew."
            ) from None
        return x


def _linear(x: np.ndarray, layer: Mapping[str, Any], weight: Any, bias: Any) -> np.ndarray:
    return _biased(x @ weight.T, bias, 1)


def _convolution(x: np.ndarray, layer: Mapping[str, Any], weight: np.ndarray, bias: Any) -> np.ndarray:
    """Weight (out, in, k, k)."""
    stride, padding, kernel = layer["stride"], layer["padding"], weight.shape[2]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    seen = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]
    found = np.tensordot(seen, weight, ([1, 4, 5], [1, 2, 3]))
    return _biased(found.transpose(0, 3, 1, 2), bias, 3)


def _transposed(x: np.ndarray, layer: Mapping[str, Any], weight: np.ndarray, bias: Any) -> np.ndarray:
    """Weight (in, out, k, k): each pixel paints a square of k pixels, and these are added up."""
    stride, padding, extra = layer["stride"], layer["padding"], layer.get("output_padding", 0)
    (count, _, height, width), (channels, kernel) = x.shape, weight.shape[1:3]
    painted = np.tensordot(x, weight, ([1], [0]))  # (N, H, W, out, k, k)
    rows, columns = (stride * (length - 1) + kernel + extra for length in (height, width))
    canvas = np.zeros((count, channels, rows, columns), np.float32)
    for down in range(kernel):
        for right in range(kernel):
            below, beside = down + stride * height, right + stride * width
            canvas[:, :, down:below:stride, right:beside:stride][:, :, :height, :width] += painted[
                ..., down, right
            ].transpose(0, 3, 1, 2)
    cut = canvas[:, :, padding : rows - padding, padding : columns - padding]
    return _biased(cut, bias, 3)


def _biased(x: np.ndarray, bias: np.ndarray | None, rank: int) -> np.ndarray:
    return x if bias is None else x + (bias if rank == 1 else bias[:, None, None])


def _leaky(x: np.ndarray, layer: Mapping[str, Any], weight: Any, bias: Any) -> np.ndarray:
    return np.where(x > 0, x, layer["slope"] * x)


def _shaped(x: np.ndarray, layer: Mapping[str, Any], weight: Any, bias: Any) -> np.ndarray:
    return x.reshape(len(x), *layer["shape"])


def _tanh(x: np.ndarray, layer: Mapping[str, Any], weight: Any, bias: Any) -> np.ndarray:
    return np.tanh(x)


_OPERATIONS: dict[str, Callable[[np.ndarray, Mapping[str, Any], Any, Any], np.ndarray]] = {
    "linear": _linear,
    "convolution": _convolution,
    "transposed_convolution": _transposed,
    "leaky_relu": _leaky,
    "reshape": _shaped,
    "tanh": _tanh,
}
_RANKS = {"linear": 2, "convolution": 4, "transposed_convolution": 4, "leaky_relu": 0, "reshape": 0, "tanh": 0}


def chain_of(name: str, layers: Sequence[Mapping[str, Any]], weights: Weights) -> Chain:
    """A chain with its own weights among those of a file, as float32."""
    own = {key: np.asarray(value, np.float32) for key, value in weights.items() if key.startswith(f"{name}.")}
    return Chain(name, tuple(layers), own)
