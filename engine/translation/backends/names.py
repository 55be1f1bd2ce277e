"""Which translators OpenVINO can compute here, and where those that were converted lie. Imports no torch.

home/compiled/<16 hexadecimal digits>/    of weights, settings, OpenVINO's version and this module's LAYOUT
    whole.xml, whole.bin                  of a photo in one piece
    tile.xml, tile.bin                    of a part, given the moments of the photo's norms
    about.json                            see `engine.computing.names`
"""

from collections.abc import Mapping
from pathlib import Path

from engine.computing.names import openvino_version, place_for, why_unfit
from engine.settings import OPENVINO, TORCH, Settings
from engine.translation.catalogue import ARCHITECTURES, NIJIGAN, VQI2I, Translator, read_sidecar
from engine.translation.solver_names import ADAPTIVE

LAYOUT = 1  # raised when what is converted changes
WHOLE, TILE = "whole", "tile"
FILES = tuple(f"{part}.{kind}" for part in (WHOLE, TILE) for kind in ("xml", "bin"))
NOT_A_GENERATOR = "it computes generators that make a picture of a photo alone, which this translator is not."
OTHER_SOLVER = "it has the translator's own solver alone, and another one was chosen."


def is_convertible(info: Translator) -> bool:
    """Whether it is a generator that makes a picture of a photo alone."""
    return info.path is not None and not info.problem and info.architecture in ARCHITECTURES.keys() - {VQI2I}


def place_of(home: Path, info: Translator) -> Path:
    """The folder of a converted translator. Raises ModelBroken."""
    assert info.path is not None
    facts = ["translator", LAYOUT, openvino_version(), info.architecture, info.sha256, read_sidecar(info.path).settings]
    return place_for(home, facts)


def is_ready(home: Path, info: Translator) -> bool:
    """Whether nothing is to be converted before OpenVINO computes it, or before it is known that it cannot."""
    return not is_convertible(info) or why_unfit(place_of(home, info), FILES) is not None


def default_backend(settings: Settings, info: Translator | None, solver: object, accelerated: bool) -> str:
    """What computes where nobody says: OpenVINO where it can, unless the settings name PyTorch.

    It takes all cores, so a photo takes less than half as long (docs/measurements.md).

    Args:
        solver: that was asked for; None is the translator's own.
        accelerated: whether a GPU computes.
    """
    if info is None or solver is not None or accelerated or not openvino_version() or not is_convertible(info):
        return TORCH
    return (settings.backend or OPENVINO) if has_fixed_steps(info) else TORCH


def has_fixed_steps(info: Translator) -> bool:
    """Whether nothing is solved in it, or by a solver that does not choose its steps; a graph cannot follow another."""
    assert info.path is not None
    solver = read_sidecar(info.path).settings.get("solver")
    if info.architecture != NIJIGAN:
        return True
    return isinstance(solver, Mapping) and solver.get("method") not in ADAPTIVE
