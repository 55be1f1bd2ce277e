"""One photo through any translator of the catalogue: sizes, channel order, strength."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.device import Device
from engine.errors import InvalidRequest, Problem
from engine.translation.backends.seam import QuickGenerator
from engine.translation.catalogue import CLASSICAL, NEURAL_STYLE, PAINTER, VQI2I, Translator, read_sidecar
from engine.translation.checkpoints import load_translator
from engine.translation.classical import illustrate
from engine.translation.guided import Refinement, refined
from engine.translation.networks.animegan2 import AnimeGan2
from engine.translation.networks.generator import SIZE_MULTIPLE, Generator
from engine.translation.networks.ode import Solver
from engine.translation.neural_style import StyleSettings, Watched, transfer
from engine.translation.pace import PAINTED_SIDE, STYLED_SIDE_LIMIT, long_side_of
from engine.translation.painter.paint import paint
from engine.translation.painting import AS_PAINTED, Painting
from engine.translation.photos import Finish, is_tiled, pad_to, translate
from engine.translation.styling import AS_EVER, Styling
from engine.translation.tile_sizes import with_large_tiles
from engine.translation.tiles import Plan
from engine.translation.vqi2i.crossing import Crossing
from engine.translation.vqi2i.networks import VQI2I_AdaIN, require_bearable

REACH = 96  # pixels that the published generators see around a pixel, rounded up to tiles' multiples

Report = Callable[..., None]  # parts done, their number, and the pixels so far where there are some


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for beside the photo and the translator.

    Attributes:
        strength: 0 to 1, the translation's share of every pixel.
        long_side: pixels to which a larger photo is brought first; None keeps its size.
        solver: of ODE bottlenecks; None takes the translator's own.
        styles: (1, 3, H, W) float32 in [-1, 1] each, for translators that take a style; neural style takes several.
        style_steps, styling: for neural style.
        painting: for the painter.
    """

    strength: float = 1.0
    long_side: int | None = None
    solver: Solver | None = None
    styles: tuple[Tensor, ...] = ()
    style_steps: int = 150
    styling: Styling = AS_EVER
    painting: Painting = AS_PAINTED


class LoadedTranslator:
    """A translator, ready on a device.

    Args:
        info: from the catalogue.
        device: where its generator runs.

    Attributes:
        solver: the translator's own; None where nothing is solved.
        losses: of neural style's last step, by name; empty where nothing is optimized.
        quick: computes the generator in place of `model`, which it holds; None leaves it to PyTorch.

    Raises:
        ModelUnavailable, ModelBroken, UnsafeFile: see `load_translator`.
    """

    def __init__(self, info: Translator, device: Device):
        self.info = info
        self.device = device
        self.model: nn.Module | None = None
        self.solver: Solver | None = None
        self.losses: dict[str, float] = {}
        self.quick: QuickGenerator | None = None
        if info.path is not None:
            if info.architecture == VQI2I and not info.problem:
                require_bearable(device.torch_device, **read_sidecar(info.path).settings)
            model = load_translator(info).to(device.torch_device, memory_format=torch.channels_last)
            self.model = model
            self.solver = model.solver if isinstance(model, Generator) else None

    def __call__(
        self,
        photo: Tensor,
        options: Options = Options(),
        *,
        report: Report = lambda done, steps, pixels=None: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Tensor:
        """Translate a photo.

        Args:
            photo: (1, 3, H, W) float32 in [-1, 1].
            report: called with the parts done and their number, and while pixels are optimized with these.

        Returns:
            (1, 3, H, W) float32 in [-1, 1]; smaller where `long_side` or the translator asks for that.

        Raises:
            Cancelled: `should_stop` said so.
            InvalidRequest: the translator cannot do this with a photo of this size.
        """
        photo = brought_to(photo, self.long_side(options))
        fake = self._translated(photo, options, report, should_stop)
        return fake if options.strength == 1 else torch.lerp(photo, fake, options.strength)

    @property
    def nfe(self) -> int | None:
        """Function evaluations for the last photo or tile; None where nothing is solved."""
        return self.model.nfe if isinstance(self.model, Generator) and self.solver else None

    @property
    def refinement(self) -> Refinement | None:
        """How its pictures follow their photos; None where they are left as its generator draws them."""
        return self.model.refinement if isinstance(self.model, Generator) else None

    def generator(self) -> nn.Module | None:
        """The network with its own solver, whatever the last photo was solved with."""
        if isinstance(self.model, Generator) and self.solver:
            self.model.set_solver(self.solver)
        return self.model

    def long_side(self, options: Options) -> int:
        """Pixels of the longer side at which this translator works at most."""
        return long_side_of(self.info.architecture, options.long_side)

    def _translated(self, photo: Tensor, options: Options, report: Report, should_stop: Callable[[], bool]) -> Tensor:
        if self.info.architecture == PAINTER:
            report(0, 1)
            return paint(photo, options.painting)
        if self.info.architecture == CLASSICAL:
            report(0, 1)
            size = photo.shape[-2:]
            return F.interpolate(illustrate(brought_to(photo, PAINTED_SIDE)), size, mode="bicubic").clamp(-1, 1)
        if self.info.architecture == NEURAL_STYLE:
            return self._styled(photo, options, report, should_stop)
        if self.info.architecture == VQI2I:
            return self._crossed(photo, options, report, should_stop)
        return self._generated(photo, options, report, should_stop)

    def _styled(self, photo: Tensor, options: Options, report: Report, should_stop: Callable[[], bool]) -> Tensor:
        if not options.styles:
            raise InvalidRequest([Problem("style", "Neural style takes its style from a picture. Choose one.")])
        settings = StyleSettings(options.style_steps, max(64, *photo.shape[-2:]), options.styling)
        place = self.device.torch_device

        def watch(watched: Watched) -> None:
            self.losses = dict(watched.losses)
            report(watched.step, watched.steps, watched.pixels)

        report(0, settings.steps)  # the first step comes after VGG19 was read and has seen the style
        styles = [style.to(place) for style in options.styles]
        return transfer(photo.to(place), styles, settings, watch, should_stop).cpu()

    def _crossed(self, photo: Tensor, options: Options, report: Report, should_stop: Callable[[], bool]) -> Tensor:
        """Whole, since its norms look at the whole picture; `long_side` keeps it bearable."""
        if not options.styles:
            raise InvalidRequest([Problem("style", f"{self.info.title} takes its style from a picture. Choose one.")])
        assert isinstance(self.model, VQI2I_AdaIN)
        style = brought_to(options.styles[0], STYLED_SIDE_LIMIT)
        style = pad_to(style, self.info.size_multiple, self.info.min_size).to(self.device.torch_device)
        return translate(
            Crossing(self.model, style),
            photo,
            Plan(self.info.size_multiple, self.info.min_size),
            report=report,
            should_stop=should_stop,
        )

    def _generated(self, photo: Tensor, options: Options, report: Report, should_stop: Callable[[], bool]) -> Tensor:
        assert self.model is not None  # set in __init__ for translators with weights
        plan = Plan(self.info.size_multiple, self.info.min_size, reach=REACH)
        with _refined_later(self.model, is_tiled(photo, plan)) as finish:
            plan = self._fitted(plan, photo, options)
            computing = self.quick or self.model
            ask = partial(translate, computing, plan=plan, finish=finish, report=report, should_stop=should_stop)
            return ask(photo) if self.info.channel_order == "rgb" else ask(photo.flip(1)).flip(1)

    def _fitted(self, plan: Plan, photo: Tensor, options: Options) -> Plan:
        """The plan for this photo: what the generator sees around a pixel, and tiles as large as memory allows."""
        assert self.model is not None
        if isinstance(self.model, Generator):
            solver = self.solver and (options.solver or self.solver)
            plan = replace(plan, reach=reach_of(self.model, solver))
            if solver is not None:
                self.model.set_solver(solver)
                _require_bounded_tiles(photo, solver, plan)
        if isinstance(self.model, AnimeGan2) and self.model.align_corners:
            _require_one_piece(photo, plan)
        return with_large_tiles(plan, self.model, self.device.free_memory()) if is_tiled(photo, plan) else plan


@contextmanager
def _refined_later(model: nn.Module, tiled: bool) -> Iterator[Finish | None]:
    """Take the refinement off a generator whose photo is cut: done once at the end, it widens no tile's border."""
    refinement = model.refinement if isinstance(model, Generator) and tiled else None
    if not isinstance(model, Generator) or refinement is None:
        yield None
        return
    model.refinement = None
    try:
        yield Finish(partial(refined, refinement=refinement), refinement.reach)
    finally:
        model.refinement = refinement


def brought_to(photo: Tensor, long_side: int) -> Tensor:
    """The photo made smaller so that its longer side has that many pixels; a smaller one stays as it is."""
    height, width = photo.shape[-2:]
    if max(height, width) <= long_side:
        return photo
    scale = long_side / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return F.interpolate(photo, size, mode="bicubic", antialias=True).clamp(-1, 1)


def reach_of(model: Generator, solver: Solver | None) -> int:
    """Pixels that the generator sees around a pixel, rounded up to a multiple of `SIZE_MULTIPLE`.

    At a quarter of the size every evaluation of a block's function looks 2 pixels further, which are 8 here, and so
    does every residual block, for which there is no solver;
    encoder and decoder look 20 pixels far. A refinement looks around what comes of all that.
    """
    per_step = {"euler": 1, "midpoint": 2, "heun3": 3, "rk4": 4, "dopri5": 7}
    evaluations = len(model.bottleneck) * (per_step[solver.method] * solver.steps if solver else 1)
    around = model.refinement.reach if model.refinement else 0
    return -(-(20 + 8 * evaluations + around) // SIZE_MULTIPLE) * SIZE_MULTIPLE


def _require_one_piece(photo: Tensor, plan: Plan) -> None:
    """Corners that are aligned are those of a whole photo; in tiles features would move by up to a pixel."""
    if is_tiled(photo, plan):
        raise InvalidRequest(
            [
                Problem(
                    "long_side",
                    f"An AnimeGANv2 that aligns corners takes photos of at most {plan.whole_pixels / 1e6:.1f} million "
                    f"pixels; got {photo.shape[-1]}x{photo.shape[-2]}. Choose a smaller long side.",
                )
            ]
        )


def _require_bounded_tiles(photo: Tensor, solver: Solver, plan: Plan) -> None:
    """Tiles need a known number of evaluations, and one that keeps a tile with its border small."""
    if not is_tiled(photo, plan):
        return
    megapixels, size = plan.whole_pixels / 1e6, f"{photo.shape[-1]}x{photo.shape[-2]}"
    advice = "Choose a smaller long side, or a quicker solver such as euler with 1 step."
    text = ""
    if solver.adaptive:
        text = f"With {solver.method}, which chooses its steps, a photo may have {megapixels:.1f} million pixels"
    elif (plan.tile + 2 * plan.reach) ** 2 > plan.whole_pixels:
        steps = "1 step" if solver.steps == 1 else f"{solver.steps} steps"
        text = f"With {steps} of {solver.method} a photo may have {megapixels:.1f} million pixels"
    if text:
        raise InvalidRequest([Problem("solver", f"{text}; got {size}. {advice}")])
