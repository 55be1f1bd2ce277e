"""How long translators take: from earlier pictures where there are some, else from measured rates. Imports no torch."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from engine.computing.names import openvino_version
from engine.rules import rough_duration
from engine.settings import OPENVINO, TORCH
from engine.translation.catalogue import ARCHITECTURES, CLASSICAL, NEURAL_STYLE, NIJIGAN, PAINTER, VQI2I, Translator
from engine.translation.request import STYLE_STEPS
from engine.translation.tiles import WHOLE_PIXELS, Plan, pixels_in_tiles

Size = tuple[int, int]  # width and height in pixels

EXAMPLE: Size = (1024, 768)
EXAMPLE_WORDS = "a photo of 1024 × 768"
LARGEST_SIDE = 8192  # that the gallery keeps
PAINTED_SIDE = 2400  # long side at which the classical translator works: its memory grows with the picture
BRUSHED_SIDE = 1280  # and the painter, which then brings the photo's borders to the full size
STYLED_SIDE = 512  # and neural style, where no other is asked for
STYLED_SIDE_LIMIT = 1024
# On a CPU a photo takes half a minute so, at STYLED_SIDE and the default steps ten minutes.
STYLED_SIDE_ON_CPU, STYLE_STEPS_ON_CPU = 256, 25

ENLARGING = 0.17  # work for a pixel that is enlarged, in that for one that is painted
LEAST_PIXELS = 30_000  # of an earlier picture that says something about larger ones
MOST_EARLIER = 8  # pictures of one translator that are looked at, the newest
# Seconds for a million pixels on two CPU cores by PyTorch (neural style: and one step), and before the first. Painter:
# processor time of one core, 1024 pixels; what is enlarged beyond 1280 costs `ENLARGING` of that. Classical, CycleGAN,
# CartoonGAN, AnimeGANv2 and neural style: CPU time for photos of 512 to 2048 pixels; the others: docs/measurements.md.
RATES: dict[str, tuple[float, float]] = {
    PAINTER: (1.3, 0.2),
    CLASSICAL: (1.5, 0.2),
    NEURAL_STYLE: (17.0, 3.0),
    NIJIGAN: (20.5, 0.2),
    "cut": (20.0, 0.2),
    "cyclegan": (17.0, 0.2),
    "cartoongan": (24.0, 0.2),
    "animegan2": (10.0, 0.2),
    VQI2I: (20.0, 0.3),  # in the size for CPUs
}
TILE_WITH_BORDERS = 1256  # NijiGAN's with 5 GB of free memory, taken for all
# Seconds for a translator that OpenVINO computes here for the first time: NijiGAN's processor seconds, taken for all.
READYING = 6.0
QUICK = 0.45  # of a network's time, where OpenVINO computes it on all cores: NijiGAN's, taken for all
# NijiGAN's work for a photo is that of so many evaluations besides those of its ODEs; one step of euler makes 4.
OTHER_EVALUATIONS, USUAL_EVALUATIONS = 4.2, 4
_EVALUATIONS = {"euler": 4, "midpoint": 8, "heun3": 12, "rk4": 16}  # of a step, in the four blocks
_EVALUATIONS_OF_DOPRI5 = 74  # docs/measurements.md


@dataclass(frozen=True, slots=True)
class Asked:
    """What decides how long a photo takes, beside the translator and the photo; see `Translate`."""

    long_side: int | None = None
    style_steps: int = STYLE_STEPS.default
    solver: str | None = None
    solver_steps: int = 1
    backend: str | None = None
    """None is what computes where nobody says."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A picture that was made here.

    Attributes:
        size: of the picture.
        seconds: that it took.
        asked: what was asked for.
    """

    size: Size
    seconds: float
    asked: Asked


@dataclass(frozen=True, slots=True)
class Estimate:
    """About how long.

    Attributes:
        seconds: for all the photos.
        here: whether earlier pictures of this studio say so; otherwise it is a rate measured on two CPU cores.
        readying: whether the translator is made ready first, once; these seconds are among the others.
    """

    seconds: float
    here: bool
    readying: bool = False

    def with_readying(self) -> "Estimate":
        """The same for a translator that is made ready first."""
        return replace(self, seconds=self.seconds + READYING, readying=True)


def style_defaults(accelerated: bool) -> tuple[int, int]:
    """Steps and long side of neural style that a machine can bear: with a GPU, or on a CPU."""
    return (STYLE_STEPS.default, STYLED_SIDE) if accelerated else (STYLE_STEPS_ON_CPU, STYLED_SIDE_ON_CPU)


def long_side_of(architecture: str, long_side: int | None) -> int:
    """Pixels of the longer side to which a photo is brought at most."""
    if architecture == NEURAL_STYLE:
        return min(long_side or STYLED_SIDE, STYLED_SIDE_LIMIT)
    if architecture == VQI2I:  # in one piece
        return min(long_side or STYLED_SIDE_LIMIT, STYLED_SIDE_LIMIT)
    return min(long_side or LARGEST_SIDE, LARGEST_SIDE)


def estimate(
    info: Translator,
    sizes: Iterable[Size],
    asked: Asked = Asked(),
    *,
    accelerated: bool = False,
    earlier: Sequence[Earlier] = (),
) -> Estimate | None:
    """About how long photos take, one after the other.

    Args:
        info: the translator.
        sizes: of the photos.
        asked: for all of them.
        accelerated: whether a GPU computes; for one no rates were measured.
        earlier: pictures of this translator on this device, from `earlier_of`.

    Returns:
        None where neither earlier pictures nor rates say anything.
    """
    works = [_by_pytorch(info, size, asked) for size in sizes]
    rates = [each.seconds / _by_pytorch(info, each.size, each.asked) for each in earlier]
    if rates:
        return Estimate(sum(works) * median(rates), True)
    known = RATES.get(info.architecture)
    if known is None or (accelerated and info.architecture not in (CLASSICAL, PAINTER)):
        return None
    rate, before = known
    return Estimate(before * len(works) + rate * sum(works), False)


def _by_pytorch(info: Translator, size: Size, asked: Asked) -> float:
    """The work of a photo, in that which PyTorch does in the same time; it gathers a cut photo's statistics itself."""
    work = _work(info.architecture, size, asked) * _share(info, asked)
    if not _is_cut(info.architecture, *_brought_to(info.architecture, size, asked)):
        return work
    return work + WHOLE_PIXELS / 1e6 * _solved(info.architecture, asked)


def _share(info: Translator, asked: Asked) -> float:
    """Of PyTorch's time."""
    network = info.architecture in ARCHITECTURES.keys() - {VQI2I}
    quick = network and asked.solver is None and asked.backend != TORCH and openvino_version()
    return QUICK if quick else 1.0


def earlier_of(info: Translator, pictures: Iterable[tuple[Size, Mapping[str, Any]]], device: str = "") -> list[Earlier]:
    """What earlier pictures say about a translator.

    Args:
        info: the translator.
        pictures: sizes and recipes as JSON values, newest first; those of others are passed over.
        device: its name; empty takes those of any device.
    """
    found = []
    for size, recipe in pictures:
        request, model = recipe.get("request"), recipe.get("model")
        if not isinstance(request, Mapping) or not isinstance(model, Mapping):
            continue
        mine = model.get("name") == info.name and (model.get("sha256") or "") == info.sha256
        seconds, asked = recipe.get("seconds"), _asked(request)
        there = not device or recipe.get("device") == device
        enough = size[0] * size[1] >= LEAST_PIXELS
        if mine and there and enough and asked and isinstance(seconds, int | float) and 0 < seconds < 10**6:
            found.append(Earlier(size, float(seconds), asked))
    return found[:MOST_EARLIER]


def _asked(request: Mapping[str, Any]) -> Asked | None:
    steps, solver = request.get("style_steps", STYLE_STEPS.default), request.get("solver")
    solver_steps = request.get("solver_steps", 1)
    if not all(type(number) is int and 0 < number <= 1000 for number in (steps, solver_steps)):
        return None
    backend = OPENVINO if request.get("backend") == OPENVINO else TORCH
    return Asked(LARGEST_SIDE, steps, solver if isinstance(solver, str) else None, solver_steps, backend)


def _work(architecture: str, size: Size, asked: Asked) -> float:
    """Millions of pixels, times what is done to each."""
    width, height = _brought_to(architecture, size, asked)
    pixels = width * height / 1e6
    if architecture == PAINTER:
        brushed = min(1.0, (BRUSHED_SIDE / max(1.0, width, height)) ** 2)
        return pixels * (brushed + (1 - brushed) * ENLARGING)
    if architecture == NEURAL_STYLE:
        return pixels * asked.style_steps
    if _is_cut(architecture, width, height):
        reach = _reach(architecture, asked)
        plan = Plan(reach=reach, tile=max(Plan().tile, TILE_WITH_BORDERS - 2 * reach))
        pixels = pixels_in_tiles(round(height), round(width), plan) / 1e6
    return pixels * _solved(architecture, asked)


def _solved(architecture: str, asked: Asked) -> float:
    """Work for a pixel, in that of the usual solver."""
    if architecture != NIJIGAN:
        return 1.0
    return (OTHER_EVALUATIONS + _evaluations(asked)) / (OTHER_EVALUATIONS + USUAL_EVALUATIONS)


def _brought_to(architecture: str, size: Size, asked: Asked) -> tuple[float, float]:
    """Width and height at which a photo is worked on."""
    side = max(1, long_side_of(architecture, asked.long_side))
    if architecture == CLASSICAL:
        side = min(side, PAINTED_SIDE)
    scale = min(1.0, side / max(size))
    return scale * size[0], scale * size[1]


def _is_cut(architecture: str, width: float, height: float) -> bool:
    return architecture in ARCHITECTURES.keys() - {VQI2I} and width * height > WHOLE_PIXELS


def _reach(architecture: str, asked: Asked) -> int:
    """About that of the tiles; see `engine.translation.running`."""
    return 20 + 8 * int(_evaluations(asked)) if architecture == NIJIGAN else Plan().reach


def _evaluations(asked: Asked) -> float:
    if asked.solver is None:
        return USUAL_EVALUATIONS
    return _EVALUATIONS.get(asked.solver, 0) * asked.solver_steps or _EVALUATIONS_OF_DOPRI5


def size_of_photo(path: Path) -> Size | None:
    """Of a kept photo, a PNG, from its header; None where it cannot be read or says nothing."""
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError:
        return None
    if not head.startswith(b"\x89PNG") or len(head) < 24:
        return None
    width, height = struct.unpack(">II", head[16:24])
    return (width, height) if width and height else None


def counted(photos: int) -> str:
    """So many photos, in words."""
    return "this photo" if photos == 1 else f"these {photos} photos"


def in_words(found: Estimate | None, what: str) -> str:
    """A sentence such as "About 3 s for a photo of 1024 × 768 here."

    Args:
        found: from `estimate`.
        what: takes so long, such as "these 3 photos".
    """
    if found is None:
        return "The first picture will show how long it takes here."
    place = "here" if found.here else "on two CPU cores"
    ready = ", with making the translator ready, once" if found.readying else ""
    return f"About {rough_duration(found.seconds)} for {what} {place}{ready}."
