"""How well CycleGAN goes there and back, on pictures that were never trained on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.cyclegan.config import SIZE_MULTIPLE
from engine.cyclegan.players import Translators
from engine.files import write_json
from engine.images import from_pil, to_pil
from engine.metrics.features import Extractor, features_of
from engine.training.photo_folders import PhotoFolder
from engine.training.unpaired import Data

SHEET_ROWS = 6
FEWEST = 2  # pictures of a set
FIGURES, NAMES = "figures.json", ("there", "back")


def squares(folder: PhotoFolder, crop: int) -> Iterator[Tensor]:
    """The middle square of every picture, (1, 3, S, S) in [-1, 1], S at most `crop` and a multiple of 4."""
    for index in range(len(folder)):
        pixels = from_pil(folder.picture(index))
        side = min(crop, *pixels.shape[-2:])
        side -= side % SIZE_MULTIPLE
        top, left = ((size - side) // 2 for size in pixels.shape[-2:])
        yield pixels[..., top : top + side, left : left + side]


@torch.no_grad()
def cycle_numbers(translators: Translators, data: Data, crop: int) -> dict[str, float]:
    """Mean absolute difference of held-out pictures to themselves after the way there and back, pixels in [-1, 1]."""
    device = next(translators.parameters()).device
    found = {}
    for name, folder, first, second in _directions(translators, data):
        errors = [F.l1_loss(second(first(x.to(device))).cpu(), x).item() for x in squares(folder, crop)]
        found[f"held_out/cycle_{name}"] = sum(errors) / len(errors)
    return found


def _directions(translators: Translators, data: Data) -> tuple:
    there, back = translators.there, translators.back
    return ("x", data.held_out_x, there, back), ("y", data.held_out_y, back, there)


@torch.no_grad()
def sheets(translators: Translators, data: Data, crop: int) -> dict[str, Tensor]:
    """x | G(x) | F(G(x)) and y | F(y) | G(F(y)): (3, H, W) in [-1, 1] by name, one row for each of some pictures."""
    device = next(translators.parameters()).device
    found = {}
    for name, (_, folder, first, second) in zip(NAMES, _directions(translators, data), strict=True):
        rows = []
        shown = [x for _, x in zip(range(SHEET_ROWS), squares(folder, crop), strict=False)]
        side = min(x.shape[-1] for x in shown)
        for x in shown:
            fake = first(x.to(device))
            rows.append(torch.cat([x, fake.cpu(), second(fake).cpu()], dim=3)[0, :, :side, :])
        width = min(row.shape[-1] for row in rows)
        found[name] = torch.cat([row[..., :width] for row in rows], dim=1)
    return found


@torch.no_grad()
def write_translated(translate: nn.Module, folder: PhotoFolder, out: Path) -> None:
    """Every picture translated as a whole, under its own name as PNG; sides are cut to multiples of 4."""
    out.mkdir(parents=True, exist_ok=True)
    device = next(translate.parameters()).device
    for index, path in enumerate(folder.paths):
        pixels = from_pil(folder.picture(index))
        height, width = (size - size % SIZE_MULTIPLE for size in pixels.shape[-2:])
        to_pil(translate(pixels[..., :height, :width].to(device)))[0].save(out / f"{path.stem}.png")


@dataclass(frozen=True)
class Distance:
    """How far pictures are from those that they should look like.

    Attributes:
        direction: "there" or "back".
        measure: its name, with the features that it is taken in.
        before: of the untranslated pictures.
        after: of the translated ones.
        pictures: in the smaller set.
    """

    direction: str
    measure: str
    before: float
    after: float
    pictures: int


@torch.no_grad()
def distances(translators: Translators, data: Data, crop: int, extractors: Sequence[Extractor]) -> list[Distance]:
    """Distances of held-out X to held-out Y in features, before and after the translation; and back.

    None where there is one picture of a kind alone.
    """
    from engine.metrics.distances import distances_in, shortened  # here: seconds of imports, which training spares

    x, y = (list(squares(folder, crop)) for folder in (data.held_out_x, data.held_out_y))
    if min(len(x), len(y)) < FEWEST:
        return []
    device = next(translators.parameters()).device
    found = []
    for direction, translate, sources, targets in (
        ("there", translators.there, x, y),
        ("back", translators.back, y, x),
    ):
        fakes = [translate(pixels.to(device)).cpu().clamp(-1, 1) for pixels in sources]
        for extractor in extractors:
            before, after, wanted = shortened(*(features_of(extractor, some) for some in (sources, fakes, targets)))
            count = min(len(sources), len(targets))
            for distance in distances_in(extractor):
                name = f"{distance.name} ({extractor.name})"
                values = distance.value(wanted, before), distance.value(wanted, after)
                found.append(Distance(direction, name, *values, count))
    return found


def evaluate(
    translators: Translators, data: Data, crop: int, extractors: Sequence[Extractor], out: Path
) -> tuple[dict[str, float], list[Distance]]:
    """Cycle errors and distances; writes `figures.json`, both sheets and all held-out pictures, translated."""
    out.mkdir(parents=True, exist_ok=True)
    cycles, far = cycle_numbers(translators, data, crop), distances(translators, data, crop, extractors)
    for name, pixels in sheets(translators, data, crop).items():
        to_pil(pixels[None])[0].save(out / f"{name}.png")
    for name, (_, folder, translate, _) in zip(NAMES, _directions(translators, data), strict=True):
        write_translated(translate, folder, out / f"translated_{name}")
    write_json(out / FIGURES, cycles | {"distances": [vars(distance) for distance in far]})
    return cycles, far
