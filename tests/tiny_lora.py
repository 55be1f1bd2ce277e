"""Tiny LoRAs for the pipelines of `tests.tiny`, in every dialect that artists' files come in."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.weights.loras import LoraInfo

ATTENTION = "down_blocks.0.attentions.0.transformer_blocks.0"
UNET_MODULES = [
    f"{ATTENTION}.{attention}.{layer}"
    for attention in ("attn1", "attn2")
    for layer in ("to_q", "to_k", "to_v", "to_out.0")
]
TEXT_MODULES = [
    f"text_model.encoder.layers.{i}.self_attn.{layer}"
    for i in range(2)
    for layer in ("q_proj", "k_proj", "v_proj", "out_proj")
]
HIDDEN = 16  # width of the UNet at that block

Layers = dict[tuple[str, str], tuple[Tensor, Tensor]]


def lora_layers(cross_attention_dim: int = 32, rank: int = 4, seed: int = 0) -> Layers:
    """(component, module) -> down (rank, in) and up (out, rank), large enough to change every picture."""
    generator = torch.Generator().manual_seed(seed)

    def pair(inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
        down = torch.randn(rank, inputs, generator=generator) / inputs**0.5
        return down, torch.randn(outputs, rank, generator=generator)

    layers = {}
    for module in UNET_MODULES:
        reads_text = module.endswith(("attn2.to_k", "attn2.to_v"))
        layers["unet", module] = pair(cross_attention_dim if reads_text else HIDDEN, HIDDEN)
    for module in TEXT_MODULES:
        layers["text_encoder", module] = pair(cross_attention_dim, cross_attention_dim)
    return layers


def kohya(layers: Layers, alpha: float, text_prefix: str = "lora_te") -> dict[str, Tensor]:
    tensors = {}
    for (component, module), (down, up) in layers.items():
        prefix = "lora_unet" if component == "unet" else text_prefix
        name = f"{prefix}_{module.replace('.', '_')}"
        tensors[f"{name}.lora_down.weight"] = down
        tensors[f"{name}.lora_up.weight"] = up
        tensors[f"{name}.alpha"] = torch.tensor(float(alpha))
    return tensors


def kohya_te1(layers: Layers, alpha: float) -> dict[str, Tensor]:
    return kohya(layers, alpha, "lora_te1")


def diffusers(layers: Layers, alpha: float) -> dict[str, Tensor]:
    """What the example training scripts save; it has no alpha, so the scale is multiplied in."""
    tensors = {}
    for (component, module), (down, up) in layers.items():
        infix = "lora" if component == "unet" else "lora_linear_layer"
        tensors[f"{component}.{module}.{infix}.down.weight"] = down
        tensors[f"{component}.{module}.{infix}.up.weight"] = up * (alpha / len(down))
    return tensors


def old_diffusers(layers: Layers, alpha: float) -> dict[str, Tensor]:
    old = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}
    tensors = {}
    for (component, module), (down, up) in layers.items():
        block, layer = module.removesuffix(".0").rsplit(".", 1)
        processor = ".processor" if component == "unet" else ""
        name = f"{component}.{block}{processor}.{old.get(layer, layer)}_lora"
        tensors[f"{name}.down.weight"] = down
        tensors[f"{name}.up.weight"] = up * (alpha / len(down))
    return tensors


def peft(layers: Layers, alpha: float) -> dict[str, Tensor]:
    """PEFT's own names; alpha is in adapter_config.json, which `save_lora` writes."""
    tensors = {}
    for (_, module), (down, up) in layers.items():
        tensors[f"base_model.model.{module}.lora_A.weight"] = down
        tensors[f"base_model.model.{module}.lora_B.weight"] = up
    return tensors


Dialect = Callable[[Layers, float], dict[str, Tensor]]
DIALECTS: tuple[Dialect, ...] = (kohya, kohya_te1, diffusers, old_diffusers, peft)


def save_lora(
    path: Path,
    dialect: Dialect = kohya,
    alpha: float = 4.0,
    layers: Layers | None = None,
    metadata: dict[str, str] | None = None,
) -> LoraInfo:
    """Save a LoRA and describe it as the catalogue would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = dialect(layers or lora_layers(), alpha)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata=metadata)
    if dialect is peft:
        (path.parent / "adapter_config.json").write_text(json.dumps({"r": 4, "lora_alpha": alpha}))
    return lora_info(path)


def lora_info(path: Path, **changes) -> LoraInfo:
    """The catalogue's entry for a LoRA file."""
    values = {
        "name": path.stem,
        "path": path,
        "base": "custom (width 32)",
        "cross_attention_dim": 32,
        "rank": 4,
        "trigger_words": (),
        "about": "",
        "size_bytes": path.stat().st_size,
    }
    return LoraInfo(**{**values, **changes})
