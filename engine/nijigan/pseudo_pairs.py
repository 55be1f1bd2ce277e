"""Pairs to train with where nobody painted any: photos and what a translator makes of them."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from engine.device import choose
from engine.errors import InvalidRequest, Problem, StudioError
from engine.files import read_plain, replacing
from engine.images import from_png, to_pil
from engine.metrics.translation import checkerboard, clipped_share, edge_ssim
from engine.nijigan.run import PHOTOS, STYLES
from engine.picture_files import pictures_in
from engine.safety.photos import plain_photo
from engine.settings import Settings
from engine.translation.catalogue import CLASSICAL, translator
from engine.translation.classical import Look, illustrate
from engine.translation.networks.generator import SIZE_MULTIPLE
from engine.translation.running import LoadedTranslator, brought_to


@dataclass(frozen=True)
class Pair:
    """How good one pair is.

    Attributes:
        name: of both files.
        structure: similarity of the edges, -1 to 1; high is good.
        artifacts: new pattern and clipping beside the photo's own, 0 and more; low is good.
    """

    name: str
    structure: float
    artifacts: float

    @property
    def score(self) -> float:
        """By which pairs are sorted, worst first."""
        return self.structure - self.artifacts


@dataclass(frozen=True)
class PairReport:
    """What became of the photos."""

    kept: int
    dropped: int


def make_pairs(
    settings: Settings,
    photos: Path,
    out: Path,
    model: str = CLASSICAL,
    *,
    look: Look = Look(),
    long_side: int = 640,
    drop: float = 0.1,
    tell: Callable[[str], None] = lambda line: None,
) -> PairReport:
    """Translate every photo of a folder, leave out the worst pairs, and write the rest to X_p and Y_p in `out`.

    `pairs.json` in `out` lists every pair with its measures.

    Args:
        model: name of a translator in the catalogue; neural style is none, for it needs a style for each photo.
        look: of the classical translator.
        long_side: pixels; larger photos are made smaller.
        drop: share of the pairs that is left out, 0 to 0.9.

    Raises:
        InvalidRequest: `drop` lies outside its range, or `out` holds pairs already.
        NotFound: no such translator, or no photo. Photos that cannot be used are told and left out.
    """
    if not 0 <= drop <= 0.9:
        raise InvalidRequest([Problem("drop", f"The share left out must lie from 0 to 0.9; got {drop!r}.")])
    translate = _translating(settings, model, look)
    for folder in (out / PHOTOS, out / STYLES):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            text = f"New pairs need empty folders; {folder} holds files already. Name another folder or empty it."
            raise InvalidRequest([Problem("out", text)])
    paths, pairs = pictures_in(photos), []
    for done, path in enumerate(paths, 1):
        try:
            photo = _photo(path, long_side)
        except StudioError as error:
            tell(f"{done}/{len(paths)} left out: {error}")
            continue
        fake = translate(photo)
        _write(out / PHOTOS / f"{path.stem}.png", photo)
        _write(out / STYLES / f"{path.stem}.png", fake)
        pairs.append(_judged(path.stem, photo, fake))
        tell(f"{done}/{len(paths)} {path.name}: structure {pairs[-1].structure:.2f}")
    return _without_worst(pairs, out, int(drop * len(pairs)))


def _translating(settings: Settings, model: str, look: Look) -> Callable[[Tensor], Tensor]:
    if model == CLASSICAL:
        return partial(illustrate, look=look)
    return LoadedTranslator(translator(settings, model), choose(settings.device))


def _photo(path: Path, long_side: int) -> Tensor:
    """(1, 3, H, W) with sides that generators take."""
    plain = plain_photo(read_plain(path), path.name)
    photo = brought_to(from_png(plain.png), long_side)
    height, width = (size - size % SIZE_MULTIPLE for size in photo.shape[-2:])
    if min(height, width) < 64:
        raise StudioError(f"A photo to train with needs 64 pixels on each side; {path.name} has fewer. Remove it.")
    return photo[..., :height, :width]


def _judged(name: str, photo: Tensor, fake: Tensor) -> Pair:
    worse = [float((measure(fake) - measure(photo)).clamp(min=0)) for measure in (checkerboard, clipped_share)]
    return Pair(name, float(edge_ssim(photo, fake)), 10 * worse[0] + worse[1])


def _without_worst(pairs: list[Pair], out: Path, drop: int) -> PairReport:
    worst = {pair.name for pair in sorted(pairs, key=lambda pair: pair.score)[:drop]}
    for name in worst:
        for folder in (PHOTOS, STYLES):
            (out / folder / f"{name}.png").unlink()
    listed = [asdict(pair) | {"kept": pair.name not in worst} for pair in pairs]
    with replacing(out / "pairs.json") as file:
        file.write(json.dumps(listed, indent=1).encode())
    return PairReport(len(pairs) - drop, drop)


def _write(path: Path, pixels: Tensor) -> None:
    (picture,) = to_pil(pixels)
    with replacing(path) as file:
        picture.save(file, "PNG")
