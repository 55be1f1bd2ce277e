"""The backends by name, which are here, and where models that were converted for one lie.

home/compiled/<16 hexadecimal digits>/    of weights, configuration, OpenVINO's version and this module's LAYOUT
    unet.xml, unet.bin, decoder.xml, decoder.bin
    about.json                            which model it was, and why it cannot be used, where it cannot
"""

import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from engine.errors import StudioError
from engine.files import read_json
from engine.settings import OPENVINO, TORCH, Settings
from engine.weights.facts import ModelInfo
from engine.weights.hashes import known_sha256
from engine.weights.layout import weight_files

TITLES = {TORCH: "PyTorch", OPENVINO: "OpenVINO"}
LAYOUT = 1  # raised when what is converted changes
NOT_INSTALLED = (
    "OpenVINO is not installed here. Install it with `pip install --no-deps openvino`, or choose the engine "
    f"{TITLES[TORCH]} ({TORCH})."
)
NOT_ON_A_GPU = f"OpenVINO draws on the processor, and here a GPU draws. Choose the engine {TITLES[TORCH]} ({TORCH})."
MAKING = ".making-"  # begins the names of folders that are being written
FILES = ("unet.xml", "unet.bin", "decoder.xml", "decoder.bin")
COMPONENTS = ("unet", "vae")  # of a folder, that are converted


@cache
def openvino_version() -> str:
    """Of the installed package; empty where there is none."""
    try:
        return version("openvino") if find_spec("openvino") else ""
    except PackageNotFoundError:
        return ""


def compiled_folder(home: Path) -> Path:
    """Where all converted models lie."""
    return home / "compiled"


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
    return compiled_folder(home) / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def is_converted(home: Path, info: ModelInfo) -> bool:
    """Whether a model can be drawn with OpenVINO without converting it first. Hashes no file that is not hashed yet."""
    if not openvino_version() or not compiled_folder(home).is_dir():
        return False
    try:
        paths = sources(info)
        found = known_sha256(paths, home / "hashes.json")
        hashes = [found[path][0] for path in paths]
        return all(hashes) and why_unfit(place_of(home, info, hashes)) == ""
    except (OSError, StudioError):
        return False


def why_unfit(place: Path) -> str | None:
    """Why a converted model cannot be used; empty where it can, None where it was not converted yet or is half gone."""
    try:
        unfit = str(read_json(place / "about.json").get("unfit", ""))
    except (OSError, ValueError):
        return None
    return unfit if unfit or all((place / name).is_file() for name in FILES) else None


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


def asked_problem(backend: str | None, accelerated: bool) -> str:
    """Why a backend that was asked for by name cannot be had here; empty where it can."""
    if backend != OPENVINO:
        return ""
    return NOT_ON_A_GPU if accelerated else "" if openvino_version() else NOT_INSTALLED
