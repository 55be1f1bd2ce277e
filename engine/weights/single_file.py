"""What a single-file checkpoint can do, told by the names and shapes of its tensors."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import ModelBroken, UnsafeFile
from engine.weights.catalogue import few_steps
from engine.weights.catalogue.prediction import prediction_note, prediction_of
from engine.weights.facts import (
    ModelInfo,
    about_model,
    checked_header,
    inpainting_channels,
    quantised,
    size_limits,
    unusable,
    valid_native_size,
    valid_prediction_type,
)
from engine.weights.families import base_of_width
from engine.weights.licensing.licences import UNKNOWN
from engine.weights.safetensors_file import Header, TensorSpec, lora_rank

_LDM_WIDTH = re.compile(r"^model\.diffusion_model\..*attn2\.to_k\.weight$")
# The parts of a checkpoint and how their tensors' names begin; for SDXL the text encoders are `conditioner`.
PARTS = {
    "UNet": ("model.diffusion_model.",),
    "text encoder": ("cond_stage_model.", "conditioner."),
    "VAE": ("first_stage_model.",),
}
_OPEN_CLIP = "cond_stage_model.model."
LATENTS = 4  # channels, of every Stable Diffusion
_LDM_INPUT = "model.diffusion_model.input_blocks.0.0.weight"


def file_info(name: str, path: Path, overrides: dict[str, Any] | None = None) -> ModelInfo:
    """Describe a single-file checkpoint; what is wrong with it goes into `problem`.

    Args:
        overrides: `prediction_type`, `native_size` and `few_steps`, which go before what the file tells.
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
    width = _width(header)
    said = overrides.get("prediction_type")
    few = few_steps.of_file(header.metadata, path.stem, few_steps.valid_few_steps(path, overrides.get("few_steps")))
    usual = "SD-Turbo" if few.kind == few_steps.TURBO else ""
    found = prediction_of(path, header, None if said is None else valid_prediction_type(path, said), usual)
    return {
        "base": base_of_width(width),
        "cross_attention_dim": width,
        "prediction_type": found.prediction_type,
        "note": " ".join(filter(None, [prediction_note(found.prediction_type, found.clue), few.note])),
        "few_steps": few.kind,
        "licence": " ".join(header.metadata.get("modelspec.license", "").split())[:80] or UNKNOWN,
        "zero_terminal_snr": found.zero_terminal_snr,
        "inpainting": _made_for_inpainting(header),
        **size_limits(valid_native_size(path, overrides.get("native_size", found.native_size)), 8),
    }


def _made_for_inpainting(header: Header) -> bool:
    inputs = header.tensors.get(_LDM_INPUT)
    return inputs is not None and len(inputs.shape) == 4 and inputs.shape[1] == inpainting_channels(LATENTS)


def _width(header: Header) -> int:
    matrices = (spec.shape for name, spec in header.tensors.items() if _LDM_WIDTH.match(name) and len(spec.shape) > 1)
    return next((shape[-1] for shape in matrices), 0)


def _require_sd2_layout(path: Path, header: Header) -> None:
    tensors, width = header.tensors, _width(header)
    missing = [part for part, start in PARTS.items() if not any(name.startswith(start) for name in tensors)]
    if len(missing) == len(PARTS):
        lora = any(lora_rank(name, spec) for name, spec in tensors.items())
        raise ModelBroken(
            f"{path.name} must be a Stable Diffusion 2.x checkpoint; got {'a LoRA' if lora else 'other tensors'}. "
            + ("Put it into the folder for LoRAs." if lora else "Add a model in diffusers layout as a folder.")
        )
    if width not in (0, 1024):
        raise ModelBroken(
            f"{path.name}: single files can be opened for Stable Diffusion 2.x only; got {base_of_width(width)}. "
            "Add it as a folder in diffusers layout, if it is Stable Diffusion 1.x."
        )
    _require_complete(path, tensors, missing)
    if not width:
        raise ModelBroken(
            f"{path.name}: the UNet of Stable Diffusion looks at the text by layers called attn2.to_k; got none. "
            "It is another model or an incomplete one; choose the complete file."
        )


def _require_complete(path: Path, tensors: dict[str, TensorSpec], missing: list[str]) -> None:
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ModelBroken(
            f"{path.name} must be a whole checkpoint (UNet, VAE and text encoder in one file); "
            f"its {' and its '.join(missing)} {verb} missing. Choose the complete file; some pages offer the parts one "
            "by one."
        )
    if not any(name.startswith(_OPEN_CLIP) for name in tensors):
        raise ModelBroken(
            f"{path.name}: its text encoder must have the names of the original Stable Diffusion 2.x ({_OPEN_CLIP}*); "
            "got those of another tool. Choose the original file, or add the model as a folder in diffusers layout."
        )
    inputs = tensors.get(_LDM_INPUT)
    if inputs is None or len(inputs.shape) != 4 or inputs.shape[1] not in (LATENTS, inpainting_channels(LATENTS)):
        found = inputs.shape if inputs else "none"
        raise ModelBroken(
            f"{path.name}: the first layer must take {LATENTS} channels, or {inpainting_channels(LATENTS)} of "
            f"inpainting; got {found}. It is a model for depth or upscaling; choose another version."
        )
    _require_plain_numbers(path, tensors)


def _require_plain_numbers(path: Path, tensors: dict[str, TensorSpec]) -> None:
    if packed := quantised(tensors):
        raise ModelBroken(
            f"{path.name}: weights must be plain numbers of 16 or 32 bits; {packed}. Choose the version that is not "
            "quantised."
        )
