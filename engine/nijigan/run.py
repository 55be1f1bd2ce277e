"""One NijiGAN training from its folders to the weights that the studio loads."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from engine.errors import InvalidRequest, NotFound, Problem
from engine.nijigan import trainer
from engine.nijigan.config import PRESETS, Config
from engine.nijigan.data import Data
from engine.training.loop import CHECKPOINT, averaged_weights
from engine.training.parallel import run
from engine.training.photo_folders import PairedFolders, PhotoFolder
from engine.translation.catalogue import Sidecar
from engine.translation.checkpoints import save_translator
from engine.translation.guided import Refinement
from engine.translation.networks.generator import Architecture
from engine.translation.networks.ode import Solver

PHOTOS, STYLES = "X_p", "Y_p"  # the paired folders' names, as in Scenimefy's data
NATIVE_SIZE = 256


@dataclass(frozen=True)
class Folders:
    """Where the pictures are.

    Attributes:
        pairs: holds X_p and Y_p; held_out too, for pairs that are never trained on.
        photos: X, unpaired photos.
        styles: Y, style pictures, in one or more folders.
    """

    pairs: Path
    photos: Path
    styles: tuple[Path, ...]
    held_out: Path

    def data(self, side: int) -> Data:
        """The pictures, their short sides at `side` pixels, or as they are if that is 0."""
        return Data(
            pairs=paired(self.pairs, side),
            photos=PhotoFolder(self.photos, side),
            styles=PhotoFolder(self.styles, side),
            held_out=paired(self.held_out, side),
        )


def paired(folder: Path, side: int) -> PairedFolders:
    """The pairs in a folder's X_p and Y_p."""
    return PairedFolders(folder / PHOTOS, folder / STYLES, side)


def configured(preset: str, changes: Mapping[str, Any]) -> Config:
    """A preset with settings of its own.

    Args:
        changes: JSON values by field of `Config`; `weights` and `architecture` as objects of the fields that differ,
            `solvers` as a list of objects.

    Raises:
        InvalidRequest: another preset, or settings that do not exist.
    """
    if preset not in PRESETS:
        raise InvalidRequest([Problem("preset", f"The preset must be one of {', '.join(PRESETS)}; got {preset!r}.")])
    config = PRESETS[preset]
    parts: dict[str, Any] = {"weights": config.weights, "architecture": config.architecture}
    values = dict(changes)
    _require_known("settings", config, values)
    try:
        for name, part in parts.items():
            _require_known(name, part, values.get(name, {}))
            values[name] = replace(part, **values.get(name, {}))
        if "solvers" in values:
            values["solvers"] = tuple(Solver(**solver) for solver in values["solvers"])
        return replace(config, **values)
    except (TypeError, AttributeError) as error:
        text = f"Settings are numbers, and objects of them for weights, architecture and solvers; got another: {error}."
        raise InvalidRequest([Problem("settings", text)]) from None


def start(folders: Folders, folder: Path, config: Config, processes: int, begin_from: Path | None = None) -> None:
    """Train, or go on: on a GPU in one process where there is one, else in so many processes on the CPU.

    Args:
        begin_from: folder of another run, whose generator this one begins with; a narrower one is widened.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = folders.data(config.side)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    run(trainer.run, processes, config, folder, data, begin_from, device=device)


@dataclass(frozen=True)
class Part:
    """Another run that began where this one did, and its share of the mean of both weights, 0 to 1.

    Runs from one start lie in one valley: what each of them does badly is often gone from their mean (Wortsman et al.
    2022, Robust fine-tuning of zero-shot models).
    """

    folder: Path
    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InvalidRequest([Problem("share", f"A share must lie from 0 to 1; got {self.share!r}.")])


def export(
    folder: Path,
    out: Path,
    title: str,
    licence: str,
    source: str = "",
    part: Part | None = None,
    refinement: Refinement | None = None,
) -> Path:
    """Write a run's averaged generator as a translator in float16.

    Args:
        source: where the weights come from, for people; empty says how many steps were done.
        part: of the mean with another run.
        refinement: how the translator's pictures follow their photos; None leaves them as the generator draws them.

    Returns:
        The .safetensors file; its .json beside it says what it is.

    Raises:
        NotFound: no run is in a folder.
        InvalidRequest: the other run has another generator or another solver.
    """
    checkpoint = _checkpoint(folder)
    settings, weights = checkpoint["settings"], averaged_weights(folder)
    if part:
        second = _checkpoint(part.folder)
        one, other = ([run["settings"][name] for name in ("architecture", "solvers")] for run in (checkpoint, second))
        if other != one:
            text = f"A mean needs two runs of one generator and solver; {folder} has {one}, {part.folder} {other}."
            raise InvalidRequest([Problem("mix", text)])
        steps = f"{checkpoint['step']} and {second['step']}"
        source = source or f"the mean of two runs of {steps} steps, {1 - part.share:g} to {part.share:g}"
        weights = {name: w.lerp(weights[name], 1 - part.share) for name, w in averaged_weights(part.folder).items()}
    architecture, solver = Architecture(**settings["architecture"]), Solver(**settings["solvers"][0])
    own: dict[str, Any] = {"width": architecture.width, "blocks": architecture.blocks}
    if refinement:
        own["refinement"] = refinement.values
    ode = architecture.bottleneck == "ode"
    sidecar = Sidecar(
        architecture="nijigan" if ode else "cut",
        settings=own | ({"solver": asdict(solver)} if ode else {}),
        title=title,
        native_size=NATIVE_SIZE,
        channel_order="rgb",
        licence=licence,
        non_commercial=False,
        source=source or f"trained for {checkpoint['step']} steps",
        source_sha256="",
        sha256="",
    )
    stored = out / "model.safetensors"
    save_translator(stored, weights, sidecar, torch.float16)
    return stored


def _checkpoint(folder: Path) -> dict[str, Any]:
    path = folder / CHECKPOINT
    if not path.exists():
        raise NotFound(f"A training run must be in the folder; {path} is missing. Train first.")
    return torch.load(path, weights_only=True, mmap=True, map_location="cpu")


def _require_known(what: str, part: Any, values: Mapping[str, Any]) -> None:
    known = {spec.name for spec in fields(part)}
    unknown = sorted(set(values) - known)
    if unknown:
        text = f"{what} may hold {', '.join(sorted(known))}; got {', '.join(unknown)}. Correct the names."
        raise InvalidRequest([Problem(what, text)])
