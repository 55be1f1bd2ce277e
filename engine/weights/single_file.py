"""What a single-file checkpoint can do, told by the names and shapes of its tensors."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import ModelBroken, UnsafeFile
from engine.weights.facts import (
    ModelInfo,
    about_model,
    checked_header,
    size_limits,
    unusable,
    valid_native_size,
    valid_prediction_type,
)
from engine.weights.families import base_of_width
from engine.weights.safetensors_file import Header, lora_rank

_LDM_WIDTH = re.compile(r"^model\.diffusion_model\..*attn2\.to_k\.weight$")
_LDM_INPUT = "model.diffusion_model.input_blocks.0.0.weight"


def file_info(name: str, path: Path, overrides: dict[str, Any] | None = None) -> ModelInfo:
    """Describe a single-file checkpoint; what is wrong with it goes into `problem`.

    Args:
        overrides: `prediction_type` and `native_size`, which such a file does not tell.
    """
    info = unusable(name, path)
    try:
        info = replace(info, size_bytes=path.stat().st_size)
        header = checked_header(path)
        info = replace(info, **_file_facts(path, header, overrides or {}))
        _require_sd2_layout(path, header)
    except (ModelBroken, UnsafeFile) as error:
        return replace(info, problem=str(error))
    except OSError as error:
        return replace(info, problem=f"{path} cannot be read: {error.strerror}. Check its place and rights.")
    return replace(info, available=True, about=about_model(info))


def _file_facts(path: Path, header: Header, overrides: dict[str, Any]) -> dict[str, Any]:
    width = next((spec.shape[-1] for name, spec in header.tensors.items() if _LDM_WIDTH.match(name)), 0)
    # The file is silent on both: 2.1-base draws 512 px and predicts noise, 2.1 draws 768 px and predicts v.
    small = width == 768 or any(mark in path.stem.lower() for mark in ("512", "base"))
    native = overrides.get("native_size", 512 if small else 768)
    prediction = overrides.get("prediction_type", "epsilon" if small else "v_prediction")
    return {
        "base": base_of_width(width),
        "cross_attention_dim": width,
        "prediction_type": valid_prediction_type(path, prediction),
        **size_limits(valid_native_size(path, native), 8),
    }


def _require_sd2_layout(path: Path, header: Header) -> None:
    tensors = header.tensors
    width = next((spec.shape[-1] for name, spec in tensors.items() if _LDM_WIDTH.match(name)), None)
    if width is None:
        lora = any(lora_rank(name, spec) for name, spec in tensors.items())
        raise ModelBroken(
            f"{path.name} must be a Stable Diffusion 2.x checkpoint; got {'a LoRA' if lora else 'other tensors'}. "
            + ("Put it into the folder for LoRAs." if lora else "Add a model in diffusers layout as a folder.")
        )
    if width != 1024 or not any(name.startswith("cond_stage_model.model.") for name in tensors):
        raise ModelBroken(
            f"{path.name}: single files can be opened for Stable Diffusion 2.x only; got {base_of_width(width)}. "
            "Add it as a folder in diffusers layout, if it is Stable Diffusion 1.x."
        )
    _require_complete(path, tensors)


def _require_complete(path: Path, tensors: dict) -> None:
    inputs = tensors.get(_LDM_INPUT)
    if inputs is None or len(inputs.shape) != 4 or inputs.shape[1] != 4:
        found = inputs.shape if inputs else "none"
        raise ModelBroken(
            f"{path.name}: the first layer must take 4 channels; got {found}. It is a model for inpainting, "
            "depth or upscaling; choose its text-to-image version."
        )
    if not any(name.startswith("first_stage_model.") for name in tensors):
        raise ModelBroken(
            f"{path.name} has no image decoder (first_stage_model); got {len(tensors)} other tensors. "
            "Choose the complete checkpoint."
        )
