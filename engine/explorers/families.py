"""The settings of each family. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.betavae import config as betavae
from engine.errors import InvalidRequest, Problem
from engine.gan import config as gan
from engine.latent.catalogue import BETA_VAE, GAN
from engine.latent.runs import Run
from engine.training.config import config_from


@dataclass(frozen=True, slots=True)
class FamilySettings:
    """Of one family.

    Attributes:
        presets: settings by name, the first one for Explore.
        about: what each preset is for, in a sentence.
        fewest: pictures that it needs.
    """

    presets: Mapping[str, Any]
    about: Mapping[str, str]
    fewest: int


FAMILIES = {
    BETA_VAE: FamilySettings(betavae.PRESETS, betavae.ABOUT, betavae.FEWEST),
    GAN: FamilySettings(gan.PRESETS, gan.ABOUT, gan.FEWEST),
}


def config_of(run: Run) -> Any:
    """The settings of a run.

    Raises:
        InvalidRequest: its family is unknown here, or its settings are of another version.
    """
    if run.family not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise InvalidRequest([Problem("family", f"A network is of the family {known}; got {run.family!r}.")])
    return config_from(next(iter(FAMILIES[run.family].presets.values())), run.config)
