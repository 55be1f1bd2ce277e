"""The networks that NijiGAN's training changes, from random weights or from those of another run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.errors import InvalidRequest, NotFound, Problem
from engine.nijigan.config import Config
from engine.nijigan.networks import Projector
from engine.nijigan.widening import widened
from engine.training.loop import CHECKPOINT, averaged_weights
from engine.translation.catalogue import read_sidecar
from engine.translation.checkpoints import load_generator
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.patch_discriminator import PatchDiscriminator


class Players(nn.Module):
    """All that learns."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.generator = Generator(config.architecture, config.solvers[0])
        self.projector = Projector(self.generator.feature_channels)
        self.style_projector = Projector(self.generator.feature_channels)
        self.discriminator = PatchDiscriminator(3, config.discriminator_width)
        self.paired_discriminator = PatchDiscriminator(6, config.discriminator_width)

    @property
    def generators(self) -> nn.ModuleList:
        """What the generator's step changes."""
        return nn.ModuleList([self.generator, self.projector, self.style_projector])

    @property
    def discriminators(self) -> nn.ModuleList:
        """What the discriminators' step changes."""
        return nn.ModuleList([self.discriminator, self.paired_discriminator])


def begun(config: Config, start: Path) -> Players:
    """Players with the averaged generator of another run and its discriminators, if they are of the same size; or with
    the generator of a stored translator. A narrower generator is widened.

    Args:
        start: folder of a run, or a translator's .safetensors file.

    Raises:
        NotFound: no run is in the folder.
        UnsafeFile, ModelBroken: the file is none of a translator.
        InvalidRequest: its generator is of another kind.
    """
    generator, checkpoint = _of_translator(start) if start.is_file() else _of_run(start)
    if replace(generator.architecture, width=config.architecture.width) != config.architecture:
        own = f"{start} is {generator.architecture}, this one {config.architecture}"
        raise InvalidRequest([Problem("begin_from", f"A run can begin from one of the same kind; {own}.")])
    players = Players(config)
    wide = widened(generator, config.architecture.width, torch.Generator().manual_seed(config.seed))
    players.generator.load_state_dict(wide.state_dict())
    if checkpoint and checkpoint["settings"]["discriminator_width"] == config.discriminator_width:
        known = {name: w for name, w in checkpoint["players"].items() if name.split(".")[0].endswith("discriminator")}
        players.load_state_dict(known, strict=False)
    return players


def _of_run(folder: Path) -> tuple[Generator, dict[str, Any]]:
    path = folder / CHECKPOINT
    if not path.exists():
        text = f"A run begins from another's folder or from a translator's .safetensors file; {folder} is neither"
        raise NotFound(f"{text}: {path} is missing.")
    checkpoint = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
    generator = Generator(Architecture(**checkpoint["settings"]["architecture"]))
    generator.load_state_dict(averaged_weights(folder))
    return generator, checkpoint


def _of_translator(path: Path) -> tuple[Generator, None]:
    sidecar = read_sidecar(path)
    generator = load_generator(path, sidecar.architecture)
    if not isinstance(generator, Generator) or sidecar.channel_order != "rgb":
        got = f"{path.name} is {sidecar.architecture} with channels in the order {sidecar.channel_order}"
        raise InvalidRequest([Problem("begin_from", f"A run can begin from a NijiGAN or CUT in RGB; {got}.")])
    return generator, None
