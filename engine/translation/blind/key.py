"""Who hides behind which letter. Imports no torch."""

import hashlib
import random
import string
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.errors import InvalidRequest, NotFound, Problem, UnsafeFile
from engine.files import printable, read_json, read_plain
from engine.rules import counted

PHOTO = "photo"  # the photo itself, hidden among the others
FEWEST_TRANSLATORS, MOST_TRANSLATORS = 2, 8
MOST_PHOTOS = 100
FORMAT = "niji blind comparison 1"


@dataclass(frozen=True)
class Judged:
    """One photo of a comparison.

    Attributes:
        number: from 1; its pictures lie in a folder of that number.
        file: the photo's name.
        sha256: of its file.
        letters: what stands behind each letter: the name of a translator, or `PHOTO`.
    """

    number: int
    file: str
    sha256: str
    letters: dict[str, str]

    @property
    def folder(self) -> str:
        """Of its pictures, such as "01"."""
        return f"{self.number:02}"

    @property
    def letter_of(self) -> dict[str, str]:
        """The letter of each name."""
        return {name: letter for letter, name in self.letters.items()}


@dataclass(frozen=True)
class Key:
    """A whole comparison.

    Attributes:
        seed: of all orders.
        options: what else the pictures depend on, such as the long side; JSON values.
        photos: in the order in which they are shown.
    """

    seed: int
    options: dict[str, Any]
    photos: tuple[Judged, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The translators, by name."""
        return tuple(sorted(set(self.photos[0].letters.values()) - {PHOTO}))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {"format": FORMAT, **asdict(self)}


def shuffled(photos: Sequence[Path], translators: Sequence[str], seed: int, options: dict[str, Any]) -> Key:
    """Draw the order of the photos, and for each the letters of photo and translators.

    Raises:
        InvalidRequest: too few or too many of something, or a name twice.
    """
    _require_counts(photos, translators)
    chance = random.Random(f"blind/{seed}")
    order = list(photos)
    chance.shuffle(order)
    judged = []
    for number, photo in enumerate(order, 1):
        names = [PHOTO, *sorted(translators)]  # sorted, so that the order in which they were asked tells nothing
        chance.shuffle(names)
        letters = dict(zip(string.ascii_uppercase, names, strict=False))
        sha256 = hashlib.sha256(read_plain(photo)).hexdigest()
        judged.append(Judged(number, printable(photo.name), sha256, letters))
    return Key(seed, options, tuple(judged))


def _require_counts(photos: Sequence[Path], translators: Sequence[str]) -> None:
    problems = []
    if len(set(translators)) != len(translators):
        problems.append(Problem("translators", f"Each translator is compared once; got {', '.join(translators)}."))
    elif not FEWEST_TRANSLATORS <= len(translators) <= MOST_TRANSLATORS:
        text = f"{FEWEST_TRANSLATORS} to {MOST_TRANSLATORS} translators are compared; got {len(translators)}."
        problems.append(Problem("translators", text))
    if not 1 <= len(photos) <= MOST_PHOTOS:
        text = f"1 to {MOST_PHOTOS} photos are compared; got {counted(len(photos), 'photo')}. Leave some out."
        problems.append(Problem("photos", text))
    if problems:
        raise InvalidRequest(problems)


def read_key(path: Path) -> Key:
    """The key in a file.

    Raises:
        NotFound: there is none.
        UnsafeFile: it is another file, or was changed.
    """
    try:
        values = read_json(path)
        if values.get("format") != FORMAT:
            raise ValueError("it is no key of a comparison")
        photos = tuple(_judged(each) for each in values["photos"])
        return _sound(Key(int(values["seed"]), dict(values["options"]), photos))
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}. `compare-blind` writes the key beside its folder.") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = printable(str(error))[:160] or type(error).__name__
        raise UnsafeFile(f"{path} must be the key that `compare-blind` wrote: {reason}.") from None


def _judged(values: dict[str, Any]) -> Judged:
    letters = {str(letter): str(name) for letter, name in values["letters"].items()}
    return Judged(int(values["number"]), printable(str(values["file"])), str(values["sha256"]), letters)


def _sound(key: Key) -> Key:
    """The key, if every photo hides the same names behind the first letters."""
    if not 1 <= len(key.photos) <= MOST_PHOTOS:
        raise ValueError(f"it has {counted(len(key.photos), 'photo')}")
    if [judged.number for judged in key.photos] != list(range(1, len(key.photos) + 1)):
        raise ValueError("its photos are not numbered from 1")
    names = sorted((PHOTO, *key.names))
    for judged in key.photos:
        expected = string.ascii_uppercase[: len(names)]
        if sorted(judged.letters.values()) != names or "".join(sorted(judged.letters)) != expected:
            raise ValueError(f"photo {judged.number} lacks a letter or a name")
    return key
