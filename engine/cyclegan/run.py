"""One CycleGAN training from two folders of pictures to two translators that the studio loads."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from engine.cyclegan import trainer
from engine.cyclegan.config import Config
from engine.cyclegan.data import Data, split
from engine.cyclegan.plan import Plan
from engine.cyclegan.players import Translators, generator_settings
from engine.cyclegan.trainer import Following
from engine.datasets.unpaired import CheckUp, Folder, examine
from engine.errors import NotFound
from engine.training.loop import CHECKPOINT, averaged_weights
from engine.training.parallel import Ranks, run
from engine.training.photo_folders import PhotoFolder
from engine.translation.catalogue import Sidecar
from engine.translation.checkpoints import save_translator


@dataclass(frozen=True)
class Folders:
    """Where the pictures are.

    Attributes:
        x, y: of both kinds; nothing in them has to belong together.
        held_out_x, held_out_y: others that are only looked at; None holds out a tenth of each kind.
    """

    x: Path
    y: Path
    held_out_x: Path | None = None
    held_out_y: Path | None = None


@dataclass(frozen=True)
class Prepared:
    """Pictures that a training can begin with.

    Attributes:
        check_up: what was found in them.
        pictures: their fingerprint.
    """

    data: Data
    check_up: CheckUp
    pictures: str


def prepare(folders: Folders, config: Config) -> Prepared:
    """Look at all pictures, before anything is trained.

    Raises:
        InvalidRequest: something speaks against training on them; all of it is told together.
        NotFound: a folder of held-out pictures is missing or empty.
    """
    check_up = examine(folders.x, folders.y, config.crop, enlarged=config.side > 0)
    check_up.require_usable()
    x, held_out_x = _split(check_up.x, folders.held_out_x, config)
    y, held_out_y = _split(check_up.y, folders.held_out_y, config)
    pictures = f"{check_up.x.fingerprint[:16]} {check_up.y.fingerprint[:16]}"
    return Prepared(Data(x, y, held_out_x, held_out_y), check_up, pictures)


def _split(folder: Folder, held_out: Path | None, config: Config) -> tuple[PhotoFolder, PhotoFolder]:
    if held_out is not None:
        return PhotoFolder.of(folder.pictures, config.side), PhotoFolder(held_out, config.side)
    learnt, kept = split(folder.pictures, config.seed)
    return PhotoFolder.of(learnt, config.side), PhotoFolder.of(kept, config.side)


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
