"""One CycleGAN training from two folders of pictures to two translators that the studio loads."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from engine.cyclegan import trainer
from engine.cyclegan.config import Config
from engine.cyclegan.plan import Plan
from engine.cyclegan.players import Translators, generator_settings
from engine.errors import NotFound
from engine.training.following import Following
from engine.training.loop import CHECKPOINT, averaged_weights
from engine.training.parallel import Ranks, run
from engine.training.unpaired import Folders, prepare
from engine.translation.catalogue import Sidecar
from engine.translation.checkpoints import save_translator


def start(folders: Folders, folder: Path, config: Config, processes: int, tell: Callable[[str], None] = print) -> None:
    """Train, or go on: on a GPU in one process where there is one, else in so many processes on the CPU.

    Args:
        tell: is given a line about each thing worth knowing of the pictures.

    Raises:
        InvalidRequest: see `prepare` and `engine.training.loop.train`.
    """
    prepared = prepare(folders, config)
    for finding in prepared.check_up.findings:
        tell(finding.message)
    folder.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    run(trainer.run, processes, config, folder, prepared.data, prepared.pictures, device=device)


def work(folder: Path, plan: Plan, device: torch.device, following: Following) -> None:
    """Train, or go on, in this process.

    Raises:
        InvalidRequest, StudioError: see `prepare` and `trainer.run`.
    """
    prepared = prepare(Folders(plan.x, plan.y), plan.config)
    trainer.run(Ranks(device=device), plan.config, folder, prepared.data, prepared.pictures, following)


def trained(folder: Path) -> tuple[Translators, Config]:
    """A run's averaged translators, on the CPU, and its settings.

    Raises:
        NotFound: no run is in the folder.
    """
    settings = checkpoint(folder)["settings"]
    config = Config(**{spec.name: settings[spec.name] for spec in fields(Config)})
    translators = Translators(config)
    translators.load_state_dict(averaged_weights(folder))
    return translators.eval().requires_grad_(False), config


def export(folder: Path, out: Path, names: tuple[str, str], titles: tuple[str, str], licence: str) -> list[Path]:
    """Write both directions as translators, in float16; files of these names are replaced.

    Args:
        out: folder of translators.
        names, titles: of the translators, there and back; titles are for people.
        licence: of the weights, in words.

    Returns:
        The two .safetensors files; a .json beside each says what it is.

    Raises:
        NotFound: no run is in the folder.
    """
    translators, config = trained(folder)
    step, stored = checkpoint(folder)["step"], []
    for name, title, model in zip(names, titles, (translators.there, translators.back), strict=True):
        sidecar = Sidecar(
            architecture="cyclegan",
            settings=generator_settings(config),
            title=title,
            native_size=config.crop,
            channel_order="rgb",
            licence=licence,
            non_commercial=False,
            source=f"trained for {step} steps",
            source_sha256="",
            sha256="",
        )
        path = out / f"{name}.safetensors"
        save_translator(path, model.state_dict(), sidecar, torch.float16)
        stored.append(path)
    return stored


def checkpoint(folder: Path) -> dict[str, Any]:
    """A run's last checkpoint. Raises NotFound where there is none."""
    path = folder / CHECKPOINT
    if not path.exists():
        raise NotFound(f"A training run must be in the folder; {path} is missing. Train first.")
    return torch.load(path, weights_only=True, mmap=True, map_location="cpu")
