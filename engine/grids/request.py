"""A grid as it can be asked for: an immutable value, validated when it is made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, ClassVar

from engine.diffusion.request import TextToImage, text_to_image
from engine.errors import InvalidRequest, Problem
from engine.grids.axes import AXES, Axis
from engine.image_to_image.request import ImageToImage, image_to_image

MOST_CELLS = 200
MOST_AXES = 3
BASES = {TextToImage.kind: text_to_image, ImageToImage.kind: image_to_image}


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture of a grid.

    Attributes:
        place: which value of each axis it has.
        request: what is drawn.
    """

    place: tuple[int, ...]
    request: TextToImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One drawing with single values varied.

    Attributes:
        base: what all pictures have in common; one picture of it is drawn for each cell.
        axes: 1 to 3; the first goes across, the second down, and for each value of the third there is a sheet.

    Raises:
        InvalidRequest: a rule is broken, also by a single cell.
    """

    base: TextToImage
    axes: tuple[Axis, ...]

    kind: ClassVar[str] = "grid"

    def __post_init__(self) -> None:
        if problems := self._problems():
            raise InvalidRequest(problems)
        self.cells()

    @property
    def prompt(self) -> str:
        """Of the base."""
        return self.base.prompt

    @property
    def count(self) -> int:
        """How many cells there are."""
        total = 1
        for axis in self.axes:
            total *= len(axis.values)
        return total

    @property
    def sheets(self) -> int:
        """How many sheets there are."""
        return len(self.axes[2].values) if len(self.axes) > 2 else 1

    @property
    def sheet_size(self) -> int:
        """How many cells stand on one sheet."""
        return self.count // self.sheets

    def cells(self) -> list[Cell]:
        """All pictures, the first axis changing fastest. Raises InvalidRequest where a value breaks a rule."""
        return [self._cell(place) for place in self._places()]

    def caption(self, index: int) -> str:
        """What tells a picture from the others, by its index in the job; nothing of a sheet."""
        if index >= self.count:
            return ""
        place = zip(self.axes, self._places()[index], strict=True)
        return ", ".join(axis.caption(axis.values[at]) for axis, at in place)

    def with_seed(self) -> "Grid":
        """This grid with the seed of its base drawn."""
        return replace(self, base=self.base.with_seed())

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        axes = [{"name": axis.name, "values": list(axis.values)} for axis in self.axes]
        return {"base_kind": self.base.kind, "base": self.base.to_dict(), "axes": axes}

    def _problems(self) -> list[Problem]:
        if not 1 <= len(self.axes) <= MOST_AXES:
            return [Problem("axes", f"A grid has 1 to {MOST_AXES} axes; got {len(self.axes)}.")]
        problems = [problem for axis in self.axes for problem in axis.problems()]
        names = [axis.name for axis in self.axes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            problems.append(Problem("axes", f"Each axis varies something else; got {twice[0]} twice."))
        problems += self._misfits() if not problems else []
        if not problems and self.count > MOST_CELLS:
            sizes = " x ".join(str(len(axis.values)) for axis in self.axes)
            text = f"A grid may have {MOST_CELLS} pictures; {sizes} are {self.count:,}. Leave values out."
            problems.append(Problem("axes", text))
        return problems

    def _misfits(self) -> list[Problem]:
        """What is varied although the base has none of it."""
        axes = {axis.name: axis for axis in self.axes}
        texts = []
        if "strength" in axes and not isinstance(self.base, ImageToImage):
            texts.append("Strength belongs to a picture to begin with; none is chosen.")
        if "weight" in axes and not self.base.loras and "lora" not in axes:
            texts.append("A weight belongs to a LoRA; none is chosen. Choose one, or vary it.")
        words = axes["prompt"].values[0] if "prompt" in axes else ""
        if words not in self.base.prompt and words not in self.base.negative_prompt:
            texts.append(f"The first words of a prompt axis must stand in the prompt; {words[:60]!r} do not.")
        return [Problem("axes", text) for text in texts]

    def _places(self) -> list[tuple[int, ...]]:
        ranges = [range(len(axis.values)) for axis in reversed(self.axes)]
        return [tuple(reversed(place)) for place in product(*ranges)]

    def _cell(self, place: tuple[int, ...]) -> Cell:
        values = {**self.base.to_dict(), "num_images": 1, "prompts": (), "negative_prompts": ()}
        varied = sorted(zip(self.axes, place, strict=True), key=lambda each: list(AXES).index(each[0].name))
        for axis, index in varied:
            axis.put(axis.values[index], values)
        return Cell(place, BASES[self.base.kind](values))


def grid(values: Mapping[str, Any]) -> Grid:
    """Build the request from JSON-like values."""
    kind = values.get("base_kind", TextToImage.kind)
    if kind not in BASES:
        text = "A grid varies a drawing from a prompt or over a whole picture; not one of a part. Start from another."
        raise InvalidRequest([Problem("axes", text)])
    base = BASES[kind](values["base"])
    return Grid(base=base, axes=axes_from(values.get("axes")))


def axes_from(values: Iterable[Any] | None) -> tuple[Axis, ...]:
    """Axes from mappings or `Axis`."""
    return tuple(each if isinstance(each, Axis) else Axis(each["name"], tuple(each["values"])) for each in values or ())
