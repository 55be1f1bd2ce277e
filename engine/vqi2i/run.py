"""One VQ-I2I training from two folders of pictures to a translator that takes a style picture."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from engine.errors import NotFound
from engine.training.following import Following
from engine.training.loop import CHECKPOINT, averaged_weights
from engine.training.parallel import Ranks, run
from engine.training.unpaired import Folders, prepare
from engine.translation.catalogue import VQI2I, Sidecar
from engine.translation.checkpoints import save_translator
from engine.translation.vqi2i.networks import require_bearable
from engine.vqi2i import trainer
from engine.vqi2i.config import Config
from engine.vqi2i.plan import Plan


def start(folders: Folders, folder: Path, config: Config, processes: int, tell: Callable[[str], None] = print) -> None:
    """Train, or go on: on a GPU in one process where there is one, else in so many processes on the CPU.

    Args:
        folders: x are photos, y the pictures whose styles are to be taken.
        tell: is given a line about each thing worth knowing of the pictures.

    Raises:
        ModelUnavailable: the networks are too large for a CPU.
        InvalidRequest: see `prepare` and `engine.training.loop.train`.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    require_bearable(torch.device(device), **config.sizes)
    prepared = prepare(folders, config)
    for finding in prepared.check_up.findings:
        tell(finding.message)
    folder.mkdir(parents=True, exist_ok=True)
    run(trainer.run, processes, config, folder, prepared.data, prepared.pictures, device=device)


def work(folder: Path, plan: Plan, device: torch.device, following: Following) -> None:
    """Train, or go on, in this process.

    Raises:
        ModelUnavailable, InvalidRequest, StudioError: see `start`, `prepare` and `trainer.run`.
    """
    require_bearable(device, **plan.config.sizes)
    prepared = prepare(Folders(plan.photos, plan.styles), plan.config)
    trainer.run(Ranks(device=device), plan.config, folder, prepared.data, prepared.pictures, following)


def export(folder: Path, out: Path, name: str, title: str, licence: str) -> Path:
    """Write a run's averaged networks as a translator, in float16.

    Returns:
        The .safetensors file; a .json beside it says what it is.

    Raises:
        NotFound: no run is in the folder.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        raise NotFound(f"A training run must be in the folder; {path} is missing. Train first.")
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
    settings = checkpoint["settings"] | {"steps": checkpoint["settings"]["steps_in_all"]}
    config = Config(**{spec.name: settings[spec.name] for spec in fields(Config)})
    sidecar = Sidecar(
        architecture=VQI2I,
        settings=config.sizes,
        title=title,
        native_size=config.crop,
        channel_order="rgb",
        licence=licence,
        non_commercial=False,
        source=f"the studio's own training, {checkpoint['step']} steps",
        source_sha256="",
        sha256="",
    )
    stored = out / f"{name}.safetensors"
    save_translator(stored, averaged_weights(folder), sidecar, torch.float16)
    return stored
