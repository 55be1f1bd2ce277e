"""How much memory a LoRA training needs, worked out from the model's configuration; no torch is loaded.

The parts, with Stable Diffusion 2.1 at 768x768, batch 1 and gradient checkpointing on a T4 as the example:

    weights      1.29 billion numbers (UNet 866, text encoder 340, autoencoder 84 million) in float16: 2.6 GB. They
                 are frozen, so they have neither gradients nor optimizer state.
    LoRA         rank 16 has 3.3 million numbers; each takes 16 bytes: the weight, its gradient and Adam's two
                 averages, all float32: 0.05 GB.
    activations  one step of the UNet, forward and backward: 0.5 GB. Drawing a sample: 1.5 GB, most of it for decoding.
                 They take turns, so the larger one counts.
    driver       what CUDA and its libraries keep for themselves: 0.8 GB.

In all 5.0 GB of a T4's 16 GB. Without gradient checkpointing the UNet keeps 2.5 GB.

Activations are proportional to pixels, pictures in a batch and the width of the first block. The factor of the UNet was
counted on the architecture of Stable Diffusion 2.1 (PyTorch's fake tensors, every allocation of forward and backward
followed, norms in float32 as autocast computes them); it agreed within 1% at 512, 768 and 1024 pixels. The fused
attention keeps no score matrix. LoRAs on attention alone were counted; those on other layers keep more, which the
estimate leaves out. What drawing and the driver take was measured on an H100 at 768 pixels, where 4.1 GB were allocated
at most and 0.8 GB lay outside PyTorch; a T4 has not been measured. PyTorch kept another 1.0 GB for reuse there, which
the estimate leaves out: it gives that back before it runs out of memory.
"""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ModelUnavailable, OutOfMemory
from engine.files import read_json
from engine.lora.runs.config import Config
from engine.settings import PROJECT
from engine.training.lora_layers import ATTENTION
from engine.weights.facts import ModelInfo, checked_header
from engine.weights.layout import COMPONENTS, weight_files

SHIPPED_CONFIG = PROJECT / "weights" / "sd21"  # for models that are one file, or that are not here yet
SD2_WIDTH = 1024  # of the cross-attention

BYTES_PER_LORA_NUMBER = 16
# Bytes at 16 bits, per place of the latents and channel of the UNet's first block.
UNET_BYTES = {True: 178, False: 858}  # with and without gradient checkpointing
# Bytes at 16 bits, per pixel and channel of the autoencoder's first block.
DECODE_BYTES = 20
DRIVER_BYTES = 810_000_000


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What a training needs on its device, in bytes.

    Attributes:
        weights: of the frozen model.
        lora: weights, gradients and optimizer state of the LoRA.
        activations: at the highest.
        driver: kept by CUDA; 0 on a CPU.
        lora_parameters: numbers in the LoRA.
    """

    weights: int
    lora: int
    activations: int
    driver: int
    lora_parameters: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.lora + self.activations + self.driver

    def in_words(self) -> str:
        """One sentence."""
        parts = [
            f"{_size(self.weights)} model",
            f"{_size(self.lora)} LoRA with its optimizer",
            f"{_size(self.activations)} activations",
            *([f"{_size(self.driver)} driver"] if self.driver else []),
        ]
        return f"About {_size(self.total)}: {', '.join(parts)}."


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e6:.0f} MB"


def estimate_memory(info: ModelInfo, config: Config, on_gpu: bool, pictures: int | None = None) -> MemoryEstimate:
    """The memory for training a LoRA of this model.

    Args:
        on_gpu: float16 there, float32 on a CPU.
        pictures: that go through the model together; None takes one batch, the least.

    Raises:
        ModelUnavailable: nothing is known of the model's build.
    """
    folder = _configuration(info)
    unet, vae = read_json(folder / "unet" / "config.json"), read_json(folder / "vae" / "config.json")
    width = 2 if on_gpu else 4
    pictures = config.batch_size if pictures is None else pictures
    pixels = (config.resolution or info.native_size) ** 2
    places = pixels // 4 ** (len(vae["block_out_channels"]) - 1)
    step = UNET_BYTES[config.gradient_checkpointing] * places * unet["block_out_channels"][0] * pictures
    picture = DECODE_BYTES * pixels * vae["block_out_channels"][0]
    numbers = unet_lora_parameters(unet, config)
    if config.text_encoder:
        numbers += text_lora_parameters(read_json(folder / "text_encoder" / "config.json"), config)
    return MemoryEstimate(
        weights=_parameters(info) * width,
        lora=numbers * BYTES_PER_LORA_NUMBER,
        activations=max(step, picture) * width // 2,
        driver=DRIVER_BYTES if on_gpu else 0,
        lora_parameters=numbers,
    )


def require_memory(estimate: MemoryEstimate, device_bytes: int, device_name: str) -> None:
    """Refuse a training for which the whole device would not be enough.

    Raises:
        OutOfMemory: with the parts, and what to lower.
    """
    if estimate.total > device_bytes:
        raise OutOfMemory(
            f"The training needs more memory than {device_name} has ({device_bytes / 1e9:.1f} GB). "
            f"{estimate.in_words()} Lower the resolution, batch size or rank, turn on gradient checkpointing, or "
            "choose a smaller model."
        )


def unet_lora_parameters(unet: dict[str, Any], config: Config) -> int:
    """Numbers in the LoRA of a UNet, from its config.json.

    A layer from `a` to `b` channels has rank * (a + b) of them, a convolution of 3 pixels rank * (9 a + b). Every
    attention block has one self-attention and one cross-attention, whose keys and values read the text, and a gated
    network of four times its width.
    """
    text, time = unet["cross_attention_dim"], 4 * unet["block_out_channels"][0]
    sides: Counter[str] = Counter()
    for channels in _attention_blocks(unet):
        sides.update(dict.fromkeys(ATTENTION, 4 * channels))
        sides.update({"to_k": text - channels, "to_v": text - channels})  # in the cross-attention
        sides.update({"proj_in": 2 * channels, "proj_out": 2 * channels})
        sides.update({"ff.net.0.proj": 9 * channels, "ff.net.2": 5 * channels})
    for inputs, outputs in _residual_blocks(unet):
        sides.update({"conv1": 9 * inputs + outputs, "conv2": 10 * outputs, "time_emb_proj": time + outputs})
        sides.update({"conv_shortcut": inputs + outputs} if inputs != outputs else {})
    return config.rank * sum(sides[name] for name in config.target_modules)


def text_lora_parameters(text_encoder: dict[str, Any], config: Config) -> int:
    """Numbers in the LoRA of a text encoder, from its config.json: four layers in each block."""
    return config.rank * 8 * text_encoder["hidden_size"] * text_encoder["num_hidden_layers"]


def _attention_blocks(unet: dict[str, Any]) -> list[int]:
    """Channels of every transformer block: down as many as there are layers, one in the middle, up one more."""
    channels, layers = unet["block_out_channels"], unet.get("layers_per_block", 2)
    blocks = [channels[-1]]
    for kind, width in zip(unet["down_block_types"], channels, strict=True):
        blocks += [width] * layers * ("CrossAttn" in kind)
    for kind, width in zip(unet["up_block_types"], reversed(channels), strict=True):
        blocks += [width] * (layers + 1) * ("CrossAttn" in kind)
    return blocks


def _residual_blocks(unet: dict[str, Any]) -> list[tuple[int, int]]:
    """Input and output channels of every residual block; those on the way up also read what the way down kept."""
    channels, layers = unet["block_out_channels"], unet.get("layers_per_block", 2)
    first, last = channels[0], channels[-1]
    blocks, kept, width = [(last, last)] * 2, [first], first
    for number, outputs in enumerate(channels):
        for _ in range(layers):
            blocks.append((width, outputs))
            kept.append(width := outputs)
        if number < len(channels) - 1:
            kept.append(outputs)  # of the downsampling
    for outputs in reversed(channels):
        for _ in range(layers + 1):
            blocks.append((width + kept.pop(), outputs))
            width = outputs
    return blocks


def _configuration(info: ModelInfo) -> Path:
    if (info.path / "unet" / "config.json").is_file():
        return info.path
    if info.cross_attention_dim == SD2_WIDTH:
        return SHIPPED_CONFIG
    raise ModelUnavailable(f"{info.title} has no configuration at {info.path}. Add or download the model first.")


def _parameters(info: ModelInfo) -> int:
    """Numbers in the model; of one that is not here yet, half of the bytes that its float16 files have."""
    if not info.available:
        return info.size_bytes // 2
    files = [info.path] if info.single_file else [path for part in COMPONENTS for path in weight_files(info.path, part)]
    specs = [spec for path in files for spec in checked_header(path).tensors.values()]
    return sum(math.prod(spec.shape) for spec in specs)
