"""The networks that NijiGAN's training changes, from random weights or from those of another run."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from engine.errors import InvalidRequest, NotFound, Problem
from engine.nijigan.config import Config
from engine.nijigan.networks import Projector
from engine.nijigan.widening import widened
from engine.training.loop import CHECKPOINT, averaged_weights
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


def begun(config: Config, folder: Path) -> Players:
    """Players with the averaged generator of another run, widened if it is narrower, and with its discriminators if
    they are of the same size.

    Raises:
        NotFound: no run is in the folder.
        InvalidRequest: its generator is of another kind.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        raise NotFound(f"A run to begin from must be in the folder; {path} is missing.")
    checkpoint = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
    architecture = Architecture(**checkpoint["settings"]["architecture"])
    if replace(architecture, width=config.architecture.width) != config.architecture:
        text = f"A run can begin from one of the same kind; {folder} is {architecture}, this one {config.architecture}."
        raise InvalidRequest([Problem("begin_from", text)])
    narrow, players = Generator(architecture), Players(config)
    narrow.load_state_dict(averaged_weights(folder))
    wide = widened(narrow, config.architecture.width, torch.Generator().manual_seed(config.seed))
    players.generator.load_state_dict(wide.state_dict())
    if checkpoint["settings"]["discriminator_width"] == config.discriminator_width:
        known = {name: w for name, w in checkpoint["players"].items() if name.split(".")[0].endswith("discriminator")}
        players.load_state_dict(known, strict=False)
    return players
