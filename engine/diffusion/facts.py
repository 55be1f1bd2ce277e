"""What a recipe says about the tools that drew a picture."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from engine import __version__
from engine.device import Device
from engine.diffusion.loading import LoadedModel
from engine.weights.hashes import file_sha256, tensor_sha256
from engine.weights.layout import COMPONENTS, weight_files
from engine.weights.licensing.licences import known
from engine.weights.loras import LoraInfo

LIBRARIES = ("torch", "diffusers", "transformers", "peft")  # that a picture's pixels may depend on


def facts_of(
    model: LoadedModel, loras: Sequence[tuple[LoraInfo, float]], device: Device, hashes: Path
) -> dict[str, Any]:
    """What the recipe says about the tools, the same for every image of a job.

    Args:
        hashes: file of the hashes that are known already.
    """
    info = model.info
    return {
        "model": {
            "name": info.name,
            "title": info.title,
            "base": info.base,
            "prediction_type": info.prediction_type,
            "single_file": info.single_file,
            "licence": info.licence,
            "commercial_use": known(info.licence).commercial_use,
            "sha256": file_sha256(info.path, hashes) if info.single_file else None,
            "weights": _weights_sha256(model, hashes),
        },
        "loras": tuple(
            {
                "name": lora.name,
                "weight": weight,
                "sha256": tensor_sha256(lora.path, hashes),
                "rank": lora.rank,
                "base": lora.base,
                "licence": lora.licence,
                "commercial_use": known(lora.licence).commercial_use,
            }
            for lora, weight in loras
        ),
        "software": {"studio": __version__} | _libraries(),
        "environment": device.environment(),
        "device": device.name,
        "dtype": str(model.dtype).removeprefix("torch."),
    }


@cache
def _libraries() -> dict[str, str]:
    """Those that this process has imported stay the same as long as it lives."""
    return {name: version(name) for name in LIBRARIES}


def _weights_sha256(model: LoadedModel, hashes: Path) -> dict[str, list[str]]:
    """Of the files that were read, by component; a single file has its own field."""
    if model.info.single_file:
        return {}
    half = model.dtype == torch.float16
    return {
        component: [file_sha256(path, hashes) for path in weight_files(model.info.path, component, half)]
        for component in COMPONENTS
    }
