"""A trained LoRA as files that the studio and other tools open.

    name.safetensors                                  kohya's naming: A1111, Forge, ComfyUI, InvokeAI, diffusers
    name.json                                         notes for the studio's and A1111's pickers, and all settings
    name.png                                          preview for both
    name-diffusers/pytorch_lora_weights.safetensors   diffusers' and peft's naming, with its adapter's record

The trained tensors come as "<part>.<module>.lora_A.weight" (rank, in) and ".lora_B.weight" (out, rank), where the part
is "unet" or "text_encoder". Every file appears whole or not at all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import save

from engine.files import replacing, write_json
from engine.marked import save_png
from engine.weights.lora_metadata import LoraCard, kohya_metadata, notes

DIFFUSERS_FILE = "pytorch_lora_weights.safetensors"  # the name that diffusers looks for in a folder
STEP = "step"

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class ExportedLora:
    """The files of an exported LoRA."""

    kohya: Path
    diffusers: Path
    notes: Path
    preview: Path | None

    def moved(self, folder: Path) -> "ExportedLora":
        """The same files after their folder was renamed."""
        diffusers = folder / self.diffusers.parent.name / self.diffusers.name
        preview = folder / self.preview.name if self.preview else None
        return ExportedLora(folder / self.kohya.name, diffusers, folder / self.notes.name, preview)


def export_lora(
    folder: Path, tensors: Tensors, settings: Mapping[str, Any], card: LoraCard, preview: Image.Image | None = None
) -> ExportedLora:
    """Write all files of a LoRA into a folder; files of the same names are replaced.

    Args:
        folder: made if it is missing.
        tensors: float32, see above.
        settings: peft's, behind each part's name: "unet.r", "unet.lora_alpha", "unet.target_modules", ...
        preview: what the LoRA draws.
    """
    diffusers = folder / f"{card.name}-diffusers" / DIFFUSERS_FILE
    write_adapter(diffusers, tensors, settings, card.steps)
    named = kohya_tensors(tensors, card.alpha)
    kohya = folder / f"{card.name}.safetensors"
    thumbnail = preview.convert("RGB") if preview else None
    _write(kohya, save(named, kohya_metadata(card, named, thumbnail)))
    if thumbnail:
        _write_picture(kohya.with_suffix(".png"), thumbnail)
    # Last: whoever sees the notes finds the rest.
    write_json(kohya.with_suffix(".json"), notes(card))
    return ExportedLora(kohya, diffusers, kohya.with_suffix(".json"), kohya.with_suffix(".png") if preview else None)


def write_adapter(path: Path, tensors: Tensors, settings: Mapping[str, Any], step: int) -> None:
    """Write tensors under peft's names, as diffusers does, with the settings in the header.

    Args:
        settings: see `export_lora`.
        step: optimizer steps that the LoRA was trained for.
    """
    named = {_with_text_model(name): np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    record = json.dumps(dict(settings), indent=2, sort_keys=True)
    _write(path, save(named, {"format": "pt", "lora_adapter_metadata": record, STEP: str(step)}))


def kohya_tensors(tensors: Tensors, alpha: float) -> dict[str, np.ndarray]:
    """The tensors under kohya's names, with an alpha for every layer; the scale is alpha / rank."""
    named: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        layer, kind = _kohya_name(name)
        named[f"{layer}.{kind}.weight"] = np.ascontiguousarray(tensor)
        named[f"{layer}.alpha"] = np.array(alpha, dtype=np.float32)
    return named


def _kohya_name(name: str) -> tuple[str, str]:
    """ "unet.mid_block.x.lora_A.weight" as ("lora_unet_mid_block_x", "lora_down").

    The text encoder's prefix is "lora_te": with "lora_te1", A1111 would drop it for Stable Diffusion 2.x.
    """
    part, module = _with_text_model(name).split(".", 1)
    module, matrix = module.removesuffix(".weight").rsplit(".", 1)
    prefix = {"unet": "lora_unet", "text_encoder": "lora_te"}[part]
    return f"{prefix}_{module.replace('.', '_')}", {"lora_A": "lora_down", "lora_B": "lora_up"}[matrix]


def _with_text_model(name: str) -> str:
    """The text encoder's name as files have it: transformers 5 dropped the outer "text_model"."""
    part, module = name.split(".", 1)
    return f"{part}.text_model.{module.removeprefix('text_model.')}" if part == "text_encoder" else name


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(content)


def _write_picture(path: Path, picture: Image.Image) -> None:
    with replacing(path) as file:
        save_png(picture, file)
