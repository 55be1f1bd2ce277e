"""What a translator does to photos, in figures: each beside the photos' own value.

Nearness to illustrations is a Frechet distance in VGG19 features: with as few pictures as anybody has of one style it
is far from exact, so it is only compared with that of the untranslated photos, from the same N.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageOps
from torch import Tensor

from engine.files import replacing
from engine.images import from_pil, to_pil
from engine.metrics.frechet import frechet_distance
from engine.metrics.image_quality import psnr
from engine.metrics.translation import checkerboard, edge_ssim, flat_share, saturation
from engine.metrics.vgg19 import Vgg19Features, load_vgg19
from engine.picture_files import pictures_in, read_picture

STYLE_LAYER, CONTENT_LAYER = "relu4_1", "relu3_1"
SIDE = 384  # pixels of the short side at which pictures are compared
MULTIPLE = 32


class Translation(NamedTuple):
    """A translator to judge: its name and what it does to (1, 3, H, W) in [-1, 1].

    `exact` is the same with ODEs solved by a solver that chooses its steps; None where nothing is solved.
    """

    name: str
    translate: Callable[[Tensor], Tensor]
    exact: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class Figures:
    """Means over the photos.

    Attributes:
        frechet: distance to the illustrations in the means of VGG19 relu4_1 features of crops, 0 and more.
        content: distance to the photo in VGG19 relu3_1 features, 0 for the photo itself, about 1 for another one.
        edges: SSIM of the edges to the photo's, 1 for the photo itself. Like content, None where there is no photo.
        flat: share of flat area.
        saturation: 0 to 1.
        checkerboard: strength of a pattern of two pixels, 0 to 1.
        solver: PSNR in dB to what the exact solution of the translator's ODEs gives; None where nothing is solved.
    """

    frechet: float
    content: float | None
    edges: float | None
    flat: float
    saturation: float
    checkerboard: float
    solver: float | None = None


@torch.inference_mode()
def evaluate(photos: Path, illustrations: Path, translations: Iterable[Translation], out: Path) -> dict[str, Figures]:
    """Judge translators on a folder of photos that none was trained on; writes `figures.json` and a sheet each.

    Args:
        illustrations: a folder of style pictures that none was trained on.

    Returns:
        By name; "photos" are the photos themselves, "illustrations" the pictures that should be reached (without
        the columns that need a photo).
    """
    out.mkdir(parents=True, exist_ok=True)
    vgg = load_vgg19()
    originals = [picture(path) for path in pictures_in(photos)]
    wanted = [picture(path) for path in pictures_in(illustrations)]
    target = _features(vgg, wanted)
    found = {"photos": _figures(vgg, originals, originals, target)}
    found["illustrations"] = _alone(wanted, target)
    for name, translate, exact in translations:
        fakes = [translate(photo).clamp(-1, 1) for photo in originals]
        found[name] = _figures(vgg, originals, fakes, target)
        if exact is not None:
            solved = [exact(photo).clamp(-1, 1) for photo in originals]
            near = [psnr(fake, best).mean for fake, best in zip(fakes, solved, strict=True)]
            found[name] = replace(found[name], solver=_mean(near))
        _sheet(originals, fakes).save(out / f"{name}.jpg", quality=90)
    with replacing(out / "figures.json") as file:
        file.write(json.dumps({name: asdict(figures) for name, figures in found.items()}, indent=1).encode())
    return found


def picture(path: Path) -> Tensor:
    """(1, 3, H, W) in [-1, 1], the short side at 384 pixels, cut to multiples of 32."""
    image = read_picture(path)
    scale = SIDE / min(image.size)
    image = image.resize([max(SIDE, round(scale * side)) for side in image.size], Image.Resampling.LANCZOS)
    width, height = (side - side % MULTIPLE for side in image.size)
    return from_pil(image.crop((0, 0, width, height)))


def table(found: dict[str, Figures]) -> str:
    """Markdown, one row a name."""
    head = "| | Frechet VGG19 | content distance | edge SSIM | flat area | saturation | checkerboard | dB to exact |"
    rows = [
        f"| {name} | {f.frechet:.0f} | {_cell(f.content)} | {_cell(f.edges)} | {f.flat:.1%} | {f.saturation:.3f} | "
        f"{f.checkerboard:.4f} | {_cell(f.solver, 1)} |"
        for name, f in found.items()
    ]
    return "\n".join([head, "|---|" + "---|" * 7, *rows])


def _cell(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _figures(vgg: Vgg19Features, photos: list[Tensor], fakes: list[Tensor], target: Tensor) -> Figures:
    alone = _alone(fakes, target, _features(vgg, fakes))
    content = [content_distance(vgg, photo, fake) for photo, fake in zip(photos, fakes, strict=True)]
    edges = [float(edge_ssim(photo, fake)) for photo, fake in zip(photos, fakes, strict=True)]
    return Figures(alone.frechet, _mean(content), _mean(edges), alone.flat, alone.saturation, alone.checkerboard)


def _alone(pictures: list[Tensor], target: Tensor, features: Tensor | None = None) -> Figures:
    """The figures that need no photo beside the picture."""
    measures = [_mean([float(measure(p)) for p in pictures]) for measure in (flat_share, saturation, checkerboard)]
    distance = 0.0 if features is None else frechet_distance(target, features)
    return Figures(distance, None, None, *measures)


def _features(vgg: Vgg19Features, pictures: list[Tensor]) -> Tensor:
    """(crops, 512): channel means over the quarters of every picture; four vectors steady a covariance of few."""
    rows = []
    for pixels in pictures:
        maps = vgg(pixels.contiguous(memory_format=torch.channels_last), (STYLE_LAYER,))[STYLE_LAYER]
        rows += [quarter.mean((2, 3)) for half in maps.chunk(2, 2) for quarter in half.chunk(2, 3)]
    return torch.cat(rows)


def content_distance(vgg: Vgg19Features, photo: Tensor, fake: Tensor) -> float:
    """As `Figures.content`, of one photo: two (1, 3, H, W) in [-1, 1] of one size."""
    before, after = (vgg(pixels, (CONTENT_LAYER,))[CONTENT_LAYER] for pixels in (photo, fake))
    return float((before - after).square().mean() / before.square().mean())


def _sheet(photos: list[Tensor], fakes: list[Tensor]) -> Image.Image:
    """Every photo beside its translation, in two columns."""
    pairs = [to_pil(torch.cat(pair, dim=3))[0] for pair in zip(photos, fakes, strict=True)]
    small = [ImageOps.contain(pair, (800, 400)) for pair in pairs]
    sheet = Image.new("RGB", (1600, 400 * -(-len(small) // 2)))
    for place, pair in enumerate(small):
        sheet.paste(pair, (800 * (place % 2), 400 * (place // 2)))
    return sheet


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
