"""Which backends can draw a model here, and where models that were converted for one lie.

home/compiled/<16 hexadecimal digits>/    of weights, configuration, OpenVINO's version and this module's LAYOUT
    unet.xml, unet.bin, decoder.xml, decoder.bin
    about.json                            see `engine.computing.names`
"""

import hashlib
from pathlib import Path

from engine.computing.names import compiled_folder, openvino_version, place_for
from engine.computing.names import why_unfit as why_unfit_of
from engine.errors import StudioError
from engine.settings import OPENVINO, TORCH, Settings
from engine.weights.facts import ModelInfo
from engine.weights.hashes import known_sha256
from engine.weights.layout import weight_files

LAYOUT = 1  # raised when what is converted changes
FILES = ("unet.xml", "unet.bin", "decoder.xml", "decoder.bin")
COMPONENTS = ("unet", "vae")  # of a folder, that are converted


def sources(info: ModelInfo) -> list[Path]:
    """The weights files that are converted.

    Raises:
        ModelBroken: some are missing.
    """
    if info.single_file:
        return [info.path]
    return [path for component in COMPONENTS for path in weight_files(info.path, component)]


def place_of(home: Path, info: ModelInfo, hashes: list[str]) -> Path:
    """The folder of one converted model.

    Args:
        hashes: SHA-256 of `sources`, in their order.

    Raises:
        OSError: its configuration cannot be read.
    """
    configs = [] if info.single_file else [info.path / component / "config.json" for component in COMPONENTS]
    read = [hashlib.sha256(path.read_bytes()).hexdigest() for path in configs]
    facts = [LAYOUT, openvino_version(), info.inpainting, *hashes, *read]
    return place_for(home, facts)


def is_converted(home: Path, info: ModelInfo) -> bool:
    """Whether a model can be drawn with OpenVINO without converting it first. Hashes no file that is not hashed yet."""
    return known_unfit(home, info) == ""


def known_unfit(home: Path, info: ModelInfo) -> str | None:
    """As `why_unfit` of a model's folder; None also where that is not known, since no file is hashed for it."""
    if not openvino_version() or not compiled_folder(home).is_dir():
        return None
    try:
        paths = sources(info)
        found = known_sha256(paths, home / "hashes.json")
        hashes = [found[path][0] for path in paths]
        return why_unfit(place_of(home, info, hashes)) if all(hashes) else None
    except (OSError, StudioError):
        return None


def why_unfit(place: Path) -> str | None:
    """Why a converted model cannot be used; empty where it can, None where it was not converted yet or is half gone."""
    return why_unfit_of(place, FILES)


def torch_alone(settings: Settings, accelerated: bool) -> bool:
    """Whether nothing but PyTorch draws here, whatever the model, where nobody says."""
    return accelerated or not openvino_version() or settings.backend == TORCH


def default_backend(settings: Settings, info: ModelInfo | None, accelerated: bool) -> str:
    """What draws where nobody says: what the settings name; else OpenVINO for a model that is converted already, so
    that nobody waits for a conversion.

    Args:
        accelerated: whether a GPU draws.
    """
    if info is None or torch_alone(settings, accelerated):
        return TORCH
    return OPENVINO if settings.backend == OPENVINO or is_converted(settings.home, info) else TORCH
