"""What is trained on and what is held out: by seed, with copies on one side, and kept with the run."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.datasets.findings import counted, named
from engine.datasets.fingerprints import look_alikes
from engine.datasets.index import relative_name
from engine.datasets.pictures import CaptionedPicture, facts_of
from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import read_json, write_json

SHARE = 0.2
MAX_SHARE = 0.5
FEWEST = 5  # with less, every picture is needed for training
_NEEDED = {"train": list, "test": list, "seed": int, "share": float}


@dataclass(frozen=True, slots=True)
class Split:
    """The two sides by name, relative to the data set's folder.

    Attributes:
        train, test: names, sorted.
        seed: that they were drawn with.
        share: of the pictures that was asked for as test, 0 to 0.5.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    seed: int
    share: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def split_pictures(folder: Path, pictures: Sequence[CaptionedPicture], seed: int, share: float = SHARE) -> Split:
    """Draw the test pictures; the order of `pictures` makes no difference.

    Pictures that look alike (see `fingerprints.look_alikes`) go to one side together, so the share is met as nearly
    as whole groups allow. From five pictures on at least one is held out, unless all of them look alike or the
    share is 0; of fewer than five none is.

    Args:
        folder: of the data set.
        seed: 0 or more.
        share: of the pictures for the test, 0 to 0.5.

    Raises:
        InvalidRequest: seed or share is out of range.
        PictureRefused: a picture can no longer be read.
    """
    _require_range(seed, share)
    by_name = {relative_name(folder, picture.path): picture.path for picture in pictures}
    names = sorted(by_name)
    groups = _groups(names, [facts_of(by_name[name]).hash for name in names])
    wanted = max(1, round(share * len(names))) if len(names) >= FEWEST and share else 0
    test = _drawn(groups, wanted, seed)
    return Split(tuple(name for name in names if name not in test), tuple(sorted(test)), seed, float(share))


def sides(
    split: Split, folder: Path, pictures: Sequence[CaptionedPicture]
) -> tuple[list[CaptionedPicture], list[CaptionedPicture]]:
    """The pictures of a split, training and test; pictures that came later belong to neither.

    Raises:
        NotFound: a picture of the split is no longer there; all are named.
    """
    by_name = {relative_name(folder, picture.path): picture for picture in pictures}
    gone = [name for name in (*split.train, *split.test) if name not in by_name]
    if gone:
        raise NotFound(
            f"All pictures of the split must be in {folder}; {counted(len(gone), 'picture')} gone or unreadable: "
            f"{named(gone)}. Put them back, or begin a new run with a new split."
        )
    return [by_name[name] for name in split.train], [by_name[name] for name in split.test]


def write_split(path: Path, split: Split) -> None:
    """Keep a split as JSON."""
    write_json(path, split.to_dict())


def read_split(path: Path) -> Split:
    """Read what `write_split` wrote.

    Raises:
        NotFound: there is no such file.
        InvalidRequest: it is no split.
    """
    try:
        return split_from(read_json(path))
    except FileNotFoundError:
        raise NotFound(f"There is no split at {path}. Begin a new run.") from None
    except ValueError as error:
        message = f"{path} must be a split that the studio wrote: {error}. Put it back from a backup."
        raise InvalidRequest([Problem("split", message)]) from None


def split_from(values: Mapping[str, Any]) -> Split:
    """The inverse of `Split.to_dict`. Raises ValueError when values are missing or wrong."""
    wrong = [name for name, kind in _NEEDED.items() if not isinstance(values.get(name), kind)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} missing or wrong")
    train, test = tuple(map(str, values["train"])), tuple(map(str, values["test"]))
    if not set(train).isdisjoint(test):
        raise ValueError("a picture is on both sides")
    return Split(train, test, values["seed"], values["share"])


def _require_range(seed: int, share: float) -> None:
    problems = []
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        problems.append(Problem("seed", f"The split's seed must be a whole number, 0 or more; got {seed!r}."))
    if not 0 <= share <= MAX_SHARE:
        problems.append(Problem("share", f"The test's share must be from 0 to {MAX_SHARE}; got {share!r}."))
    if problems:
        raise InvalidRequest(problems)


def _groups(names: Sequence[str], hashes: Sequence[int]) -> list[list[str]]:
    """Names that must stay together; most are alone."""
    alike = look_alikes(hashes)
    together = {place for group in alike for place in group}
    alone = [[name] for place, name in enumerate(names) if place not in together]
    return [*alone, *([names[place] for place in group] for group in alike)]


def _drawn(groups: Sequence[list[str]], wanted: int, seed: int) -> set[str]:
    """Whole groups, in random order, as long as they fit; at least one picture stays for training."""
    shuffled: list[list[str]] = random.Random(seed).sample(groups, len(groups))
    drawn: set[str] = set()
    for group in shuffled:
        if len(drawn) + len(group) <= wanted:
            drawn |= set(group)
    if not drawn and wanted and len(groups) > 1:
        drawn = set(sorted(shuffled, key=len)[0])
    return drawn
