"""A generator compiled by OpenVINO for the processor, with the weights that PyTorch has, in float32.

A photo in one piece has norms of its own. A part of a large one is normalized with the moments of the whole photo,
which PyTorch gathers and the graph takes as inputs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.computing.graphs import Run, compiled, converted, core, explaining, require_same, save
from engine.computing.keeping import keep
from engine.computing.names import CannotCompute
from engine.translation.backends.names import TILE, WHOLE
from engine.translation.backends.seam import QuickGenerator
from engine.translation.catalogue import Translator
from engine.translation.guided import Refinement, refined
from engine.translation.networks.generator import SMALLEST_SIDE, Generator
from engine.translation.networks.norms import InstanceNorm, Statistics, gathering, using

KEPT_PIXELS = 1 << 20  # a compiled graph holds what it computes between its layers: of larger pictures too much
TRACED = (68, 76)  # no multiples of 8, so that no side is taken for a constant
COMPARED = (76, 92)


class Compiled(QuickGenerator):
    """A generator as `engine.translation.photos` takes it, whose pixels OpenVINO computes.

    Args:
        model: PyTorch's; it gathers statistics, and does all else once OpenVINO has failed.
        folder: of the converted networks.

    Attributes:
        failed: why OpenVINO could not; empty as long as it can.
    """

    def __init__(self, model: nn.Module, folder: Path) -> None:
        super().__init__()
        self.model = model
        self._graphs = {part: core().read_model(folder / f"{part}.xml") for part in (WHOLE, TILE)}
        self._norms = [module for module in model.modules() if isinstance(module, InstanceNorm)]
        self._kept: tuple[tuple[object, ...], Run] | None = None
        if isinstance(model, Generator):
            with torch.no_grad():  # so that it says how many evaluations it takes
                model(torch.zeros(1, 3, SMALLEST_SIDE, SMALLEST_SIDE))

    def forward(self, photo: Tensor) -> Tensor:
        """(N, 3, H, W) in [-1, 1] to the same, refined as the generator's own are."""
        statistics = self._norms[0].statistics if self._norms else None
        if self.failed or (statistics is not None and statistics.gathering):
            return self.model(photo)
        try:
            with explaining():
                fake = self._computed(photo, _flat(statistics))
        except CannotCompute as error:
            self.failed = str(error)
            return self.model(photo)
        refinement = refinement_of(self.model)
        return refined(fake, photo, refinement) if refinement else fake

    def _computed(self, photo: Tensor, moments: tuple[Tensor, ...]) -> Tensor:
        shapes = tuple(tuple(tensor.shape) for tensor in (photo, *moments))
        if self._kept is None or self._kept[0] != shapes:
            self._kept = None  # its memory first
            self._kept = shapes, compiled(self._graphs[TILE if moments else WHOLE].clone(), shapes)
        fake = self._kept[1](photo, *moments)
        if photo.shape[-2] * photo.shape[-1] > KEPT_PIXELS:
            fake = fake.clone()  # of memory that goes with the graph
            self._kept = None
        return fake


def refinement_of(model: nn.Module) -> Refinement | None:
    """How a generator's pictures follow their photos, where they do."""
    return model.refinement if isinstance(model, Generator) else None


def convert(model: nn.Module, info: Translator, place: Path) -> None:
    """Write the converted networks of a generator to `place`, compared with PyTorch's on one input.

    Raises:
        CannotCompute: there is no room for it, or it cannot be converted.
    """
    if isinstance(model, Generator) and model.solver is not None and model.solver.adaptive:
        raise CannotCompute("it needs a solver with a fixed number of steps, and this translator's chooses its steps.")

    def write(folder: Path) -> None:
        with _unrefined(model), torch.no_grad():
            photo = _noise(info, TRACED)
            save(converted(model, (photo,)), folder / f"{WHOLE}.xml")
            with gathering(model) as statistics:
                model(photo)
            moments = _flat(statistics)
            if moments:
                save(converted(_Tile(model), (photo, *moments)), folder / f"{TILE}.xml")
            _require_same(model, info, folder)

    keep(place, info.title, sum(tensor.numel() * 8 for tensor in model.parameters()), write)


def _require_same(model: nn.Module, info: Translator, folder: Path) -> None:
    photo = _noise(info, COMPARED)
    quick = Compiled(model, folder)
    require_same(WHOLE, _asked(quick, photo), model(photo))
    with gathering(model) as statistics:
        model(photo)
    with using(model, statistics):
        expected = model(photo)
    with using(model, statistics):
        require_same(TILE, _asked(quick, photo), expected)


def _asked(quick: Compiled, photo: Tensor) -> Tensor:
    fake = quick(photo)
    if quick.failed:
        raise CannotCompute(quick.failed)
    return fake


def _noise(info: Translator, sides: tuple[int, int]) -> Tensor:
    """A photo that the generator takes, of sides near to those."""
    multiple = info.size_multiple
    height, width = (max(info.min_size, side) // multiple * multiple for side in sides)
    if info.min_size >= max(sides):  # not square, whatever is asked for
        height, width = info.min_size + multiple * (sides == COMPARED), info.min_size + multiple * (sides == TRACED)
    return torch.rand((1, 3, height, width), generator=torch.Generator().manual_seed(0)) * 2 - 1


def _flat(statistics: Statistics | None) -> tuple[Tensor, ...]:
    return tuple(moment for pair in statistics.moments for moment in pair) if statistics else ()


@contextmanager
def _unrefined(model: nn.Module) -> Iterator[None]:
    """The refinement is no part of the graph."""
    refinement = refinement_of(model)
    if isinstance(model, Generator):
        model.refinement = None
    try:
        yield
    finally:
        if isinstance(model, Generator):
            model.refinement = refinement


class _Tile(nn.Module):
    """A generator with the moments of its norms as further inputs."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, photo: Tensor, *moments: Tensor) -> Tensor:
        pairs = list(zip(moments[::2], moments[1::2], strict=True))
        with using(self.model, Statistics(pairs)):
            return self.model(photo)
