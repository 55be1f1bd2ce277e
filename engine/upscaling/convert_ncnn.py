"""From ncnn's files of a compact Real-ESRGAN network to a .safetensors file with PyTorch's names.

    python -m engine.upscaling.convert_ncnn PARAM BIN OUT

`PARAM` names the layers in their order, `BIN` has their numbers in the same order. The names written are those of
Real-ESRGAN's own SRVGGNetCompact (`body.0.weight` ...), so every tool that reads that reads the result. No number is
changed: weights stay in half precision, biases and slopes in single. Imports no torch.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from engine.errors import StudioError, UnsafeFile
from engine.files import read_plain

MAGIC = "7767517"  # the first line of every text .param of ncnn
HALF = 0x01306B47  # before weights in half precision; 0 stands before single precision
MOST_BYTES = 100 * 2**20
_QUIET = ("Input", "Split", "PixelShuffle", "Interp", "BinaryOp")  # layers without numbers
_OUTPUTS, _KERNEL, _BIAS, _WEIGHTS = "0", "1", "5", "6"  # of a Convolution


@dataclass(frozen=True, slots=True)
class Layer:
    """A line of a .param file: what it does, and its settings by ncnn's number for them."""

    kind: str
    settings: dict[str, str]

    def number(self, key: str) -> int:
        """One of its settings; 0 where it is not set, as ncnn has it. Raises UnsafeFile where it is no number."""
        text = self.settings.get(key, "0")
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise UnsafeFile(f"A layer's setting must be a number from 0 on; got {key}={text[:40]!r} of {self.kind}.")
        return int(text)


def layers(text: str) -> list[Layer]:
    """The layers of a .param file in their order.

    Raises:
        UnsafeFile: it is none.
    """
    lines = text.split("\n")
    if lines[0].strip() != MAGIC:
        raise UnsafeFile(f"A .param file of ncnn begins with {MAGIC}; got {lines[0][:40]!r}. Choose the right file.")
    return [_layer(line.split()) for line in lines[2:] if line.strip()]


def tensors(listed: list[Layer], data: bytes) -> dict[str, np.ndarray]:
    """The numbers of the convolutions and slopes, named as in SRVGGNetCompact.

    Args:
        listed: as `layers` gave them.
        data: of the .bin file.

    Returns:
        `body.<n>.weight` (O, I, K, K) float16 or float32, `body.<n>.bias` (O,) float32; slopes (C,) float32.

    Raises:
        UnsafeFile: a layer of another kind of network, or too few or too many numbers.
    """
    reader, found, place = _Reader(data), {}, 0
    for layer in listed:
        if layer.kind in _QUIET:
            continue
        if layer.kind not in _READ:
            raise UnsafeFile(
                f"A compact network has convolutions and slopes (Convolution, PReLU); got {layer.kind}. "
                "Other networks are not converted."
            )
        found |= {f"body.{place}.{name}": value for name, value in _READ[layer.kind](layer, reader)}
        place += 1
    if reader.left:
        raise UnsafeFile(f"The .bin file has {reader.left:,} bytes more than its .param says. Take both of one set.")
    return found


def convert(param: Path, binary: Path, out: Path) -> int:
    """Write the .safetensors file; returns how many tensors it has. Raises UnsafeFile, OSError."""
    listed = layers(read_plain(param, MOST_BYTES).decode("utf-8", "replace"))
    found = tensors(listed, read_plain(binary, MOST_BYTES))
    save_file(found, out, {"format": "pt", "source": f"{param.name} and {binary.name}, converted from ncnn"})
    return len(found)


def _layer(words: list[str]) -> Layer:
    try:
        inputs, outputs = int(words[2]), int(words[3])
        pairs = [word.split("=", 1) for word in words[4 + inputs + outputs :]]
        return Layer(words[0], dict(pairs))
    except (IndexError, ValueError):
        raise UnsafeFile(f"A line of a .param file names a layer; got {' '.join(words)[:80]!r}.") from None


class _Reader:
    """Numbers from the front to the back."""

    def __init__(self, data: bytes):
        self._data = data
        self._place = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._place

    def take(self, count: int, kind: str) -> np.ndarray:
        size = count * np.dtype(kind).itemsize
        if size > self.left or count < 1:
            raise UnsafeFile(
                f"The .bin file ends {size - self.left:,} bytes before its .param says. Take both of one set."
            )
        values = np.frombuffer(self._data, kind, count, self._place)
        self._place += size + -size % 4  # ncnn begins everything at a multiple of 4 bytes
        return values

    def tagged(self, count: int) -> np.ndarray:
        tag = int(self.take(1, "<u4")[0])
        if tag not in (0, HALF):
            raise UnsafeFile(f"Weights must be in half or single precision; got ncnn's mark {tag:#010x}.")
        return self.take(count, "<f2" if tag == HALF else "<f4")


def _convolution(layer: Layer, reader: _Reader) -> Iterator[tuple[str, np.ndarray]]:
    outputs, kernel, weights = (layer.number(key) for key in (_OUTPUTS, _KERNEL, _WEIGHTS))
    if not outputs or not kernel or weights % (outputs * kernel**2) or not layer.number(_BIAS):
        raise UnsafeFile("A convolution must have a square kernel and a bias; this one has not.")
    yield "weight", reader.tagged(weights).reshape(outputs, -1, kernel, kernel)
    yield "bias", reader.take(outputs, "<f4")


def _slopes(layer: Layer, reader: _Reader) -> Iterator[tuple[str, np.ndarray]]:
    yield "weight", reader.take(layer.number(_OUTPUTS), "<f4")


_READ = {"Convolution": _convolution, "PReLU": _slopes}

if __name__ == "__main__":
    try:
        print(f"{convert(*map(Path, sys.argv[1:4]))} tensors were written to {sys.argv[3]}.")
    except (StudioError, OSError) as error:
        sys.exit(str(error))
    except (IndexError, TypeError):
        sys.exit("python -m engine.upscaling.convert_ncnn PARAM BIN OUT")
