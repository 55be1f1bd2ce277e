"""The four networks that CycleGAN's training changes."""

from typing import Any

from torch import nn

from engine.cyclegan.config import Config
from engine.translation.networks.cyclegan import CycleGan
from engine.translation.networks.patch_discriminator import PatchDiscriminator, normal


class Translators(nn.Module):
    """Both directions: `there` makes Y of X (the paper's G), `back` makes X of Y (F)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.there, self.back = (CycleGan(**generator_settings(config)) for _ in range(2))
        self.apply(normal)


class Discriminators(nn.Module):
    """One for each kind of picture."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.of_x, self.of_y = (PatchDiscriminator(3, config.discriminator_width) for _ in range(2))
        self.apply(normal)


def generator_settings(config: Config) -> dict[str, Any]:
    """What a generator is built with, here and where it is read again."""
    return {"width": config.width, "blocks": config.blocks, "enlarging": config.enlarging}
