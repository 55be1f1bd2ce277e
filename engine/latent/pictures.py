"""A folder's pictures as one array of small squares, read once: so a run goes on whatever becomes of the folder.

No torch. In the run's folder:

    pictures.npy    (N, side, side, channels) uint8, first those to train on, then those held out
    pictures.json   how many are held out, their names, what was left out and what is worth knowing
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.datasets.findings import REDUCED, named
from engine.errors import InvalidRequest, NotFound, Problem, UnsafeFile
from engine.files import read_json, replacing, write_json
from engine.picture_files import SUFFIXES, bits_of, read_picture
from engine.rules import counted

PIXELS, FACTS = "pictures.npy", "pictures.json"
MOST = 50_000  # squares; 600 MB in RGB at 64 px
NAMED = 5
MOST_NAMES = 1_000_000  # characters of all names; more are not kept
LEAST_SHARE = 4  # a picture may be enlarged by so much
SHOWN_REFUSALS = 50  # after so many that cannot be used, and none that can, the rest is not opened
FEWEST_ALIKE = 4  # pictures that differ from each other; fewer teach one picture by heart
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How pictures become squares.

    Attributes:
        side: pixels.
        channels: 3 for RGB, 1 for grey.
        held_out: share of the pictures that is never trained on, 0 to below 1.
        crops: squares from each picture: 1 is the one in its middle; more lie anywhere in it, at twice the size.
        fewest: pictures that are needed.
        seed: of the split and of the crops.
    """

    side: int
    channels: int
    held_out: float
    crops: int
    fewest: int
    seed: int


@dataclass(frozen=True)
class Pictures:
    """The squares of a run.

    Attributes:
        train, held_out: (N, side, side, channels) uint8.
        names: of the pictures that they come from, relative to their folder, those to train on first.
        left_out: a sentence for each picture that could not be used.
        notes: what is worth knowing of the others, a sentence each.
    """

    train: np.ndarray
    held_out: np.ndarray
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def picture_paths(folder: Path, fewest: int = 1) -> list[Path]:
    """The picture files in a folder and below it, by name.

    Raises:
        NotFound: there is no such folder.
        InvalidRequest: it holds too few pictures, or far too many.
    """
    if not folder.is_dir():
        raise NotFound(f"Pictures are read from a folder; {folder} is none. Check its name.")
    found = sorted(path for path in folder.rglob("*") if _is_picture(path.relative_to(folder)) and path.is_file())
    if len(found) < fewest:
        have = counted(len(found), "picture") if found else f"no {', '.join(SUFFIXES)} file"
        text = f"This training needs {counted(fewest, 'picture')} or more; {folder.name} holds {have}. Add some."
        raise InvalidRequest([Problem("dataset", text)])
    if len(found) > MOST:
        text = f"A training takes {MOST:,} pictures at most; {folder.name} holds {len(found):,}. Choose among them."
        raise InvalidRequest([Problem("dataset", text)])
    return found


def gather(folder: Path, wanted: Wanted, report: Report = lambda done, all_: None) -> Pictures:
    """Read all pictures of a folder; those that cannot be read or are far too small are left out, and said.

    Args:
        report: called with how many were read, and of how many.

    Raises:
        NotFound, InvalidRequest: see `picture_paths`; or too few can be read, or all show the same.
    """
    paths = picture_paths(folder, wanted.fewest)
    squares: list[np.ndarray] = []
    names, left_out, deep, small = [], [], [], 0
    rng = np.random.default_rng(wanted.seed)
    most = MOST // wanted.crops
    if len(paths) > most:
        text = f"{len(paths):,} pictures with {wanted.crops} crops each are more than {MOST:,}. Ask for fewer crops."
        raise InvalidRequest([Problem("crops", text)])
    for place, path in enumerate(paths):
        try:
            image = _large_enough(read_picture(path), path, wanted)
            squares.append(_squares(image, wanted, rng))
            names.append(path.relative_to(folder).as_posix().encode("utf-8", "backslashreplace").decode())
            if bits_of(path) == 16:
                deep.append(names[-1])
            small += min(image.size) < wanted.side
        except (UnsafeFile, NotFound) as error:
            left_out.append(str(error))
            if len(left_out) == SHOWN_REFUSALS and not squares:
                break
        report(place + 1, len(paths))
    _require_enough(squares, left_out, wanted)
    return replace(_split(squares, names, left_out, wanted), notes=_notes(squares, small, deep, wanted))


def keep_pictures(folder: Path, pictures: Pictures) -> None:
    """Write them into a run's folder: the facts last, so that they are there only with the pixels."""
    with replacing(folder / PIXELS) as file:
        np.save(file, np.concatenate([pictures.train, pictures.held_out]))
    facts = {"held_out": len(pictures.held_out), "left_out": list(pictures.left_out[:100])}
    facts |= {"notes": list(pictures.notes)}
    names = list(pictures.names) if sum(map(len, pictures.names)) < MOST_NAMES else []
    write_json(folder / FACTS, facts | {"names": names})


def kept_pictures(folder: Path) -> Pictures | None:
    """Those of a run's folder, mapped into memory; None where they were not read yet, or are damaged."""
    try:
        facts: dict[str, Any] = read_json(folder / FACTS)
        pixels = np.load(folder / PIXELS, mmap_mode="r", allow_pickle=False)
        held_out = int(facts["held_out"])
        train = len(pixels) - held_out
        names, left_out, notes = (tuple(facts.get(name, ())) for name in ("names", "left_out", "notes"))
        return Pictures(pixels[:train], pixels[train:], names, left_out, notes)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def square(image: Image.Image, side: int) -> Image.Image:
    """The square in the middle of a picture, scaled."""
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    return image.resize((side, side), Image.Resampling.LANCZOS, (left, top, left + short, top + short))


def pixels_of(image: Image.Image, channels: int) -> np.ndarray:
    """(H, W, channels) uint8 of an RGB picture."""
    return np.asarray(image) if channels == 3 else np.asarray(image.convert("L"))[..., None]


def _is_picture(name: Path) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
    return name.suffix.lower() in SUFFIXES and not hidden


def _squares(image: Image.Image, wanted: Wanted, rng: np.random.Generator) -> np.ndarray:
    """(crops, side, side, channels) uint8."""
    if wanted.crops == 1:
        return pixels_of(square(image, wanted.side), wanted.channels)[None]
    twice = 2 * wanted.side
    size = [max(twice, round(twice / min(image.size) * length)) for length in image.size]
    image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    cut = []
    for _ in range(wanted.crops):
        x, y = (int(rng.integers(length - wanted.side + 1)) for length in image.size)
        cut.append(image.crop((x, y, x + wanted.side, y + wanted.side)))
    return np.stack([pixels_of(each, wanted.channels) for each in cut])


def _large_enough(image: Image.Image, path: Path, wanted: Wanted) -> Image.Image:
    least = -(-wanted.side // LEAST_SHARE)
    if min(image.size) < least:
        text = f"A picture for squares of {wanted.side} pixels must have {least} on its shorter side"
        raise UnsafeFile(f"{text}; {path} has {image.width}x{image.height}. Leave it out or use a larger version.")
    return image


def _notes(squares: Sequence[np.ndarray], small: int, deep: Sequence[str], wanted: Wanted) -> tuple[str, ...]:
    grey = sum(bool((each == each[..., :1]).all()) for each in squares) if wanted.channels == 3 else 0
    told = (
        (small, f"with less than {wanted.side} pixels on the shorter side; enlarged, they teach blur."),
        (grey, "without colour; grey is learnt from them."),
        (len(deep), f"{REDUCED}: {named(deep)}."),
    )
    return tuple(f"{counted(count, 'picture')} {what}" for count, what in told if count)


def _require_enough(squares: Sequence[np.ndarray], left_out: Sequence[str], wanted: Wanted) -> None:
    if len(squares) < wanted.fewest:
        text = f"This training needs {counted(wanted.fewest, 'picture')} or more; {len(squares)} can be used."
        raise InvalidRequest([Problem("dataset", " ".join([text, *left_out[:NAMED]]))])
    different = len({each.tobytes() for each in squares})
    if different < min(FEWEST_ALIKE, wanted.fewest):
        text = f"The pictures must differ from each other; of {len(squares)} only {different} do. Add others."
        raise InvalidRequest([Problem("dataset", text)])


def _split(squares: Sequence[np.ndarray], names: Sequence[str], left_out: Sequence[str], wanted: Wanted) -> Pictures:
    """By picture, before crops of one picture could stand on both sides."""
    order = np.random.default_rng([wanted.seed, 1]).permutation(len(squares))
    held = min(len(squares) - 1, max(1, round(wanted.held_out * len(squares)))) if wanted.held_out else 0
    train, held_out = order[: len(order) - held], order[len(order) - held :]
    empty = np.empty((0, wanted.side, wanted.side, wanted.channels), np.uint8)

    def together(places: np.ndarray) -> np.ndarray:
        return np.concatenate([empty, *(squares[place] for place in places)])

    told = tuple(names[place] for place in [*train, *held_out])
    return Pictures(together(train), together(held_out), told, tuple(left_out))
