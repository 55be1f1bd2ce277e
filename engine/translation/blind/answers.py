"""What the eyes said: a table of answers, one line for each photo. Imports no torch."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import NotFound, StudioError
from engine.files import printable, read_plain
from engine.translation.blind.key import Judged, Key

FAULTS = ("halo", "blob", "ghost", "lines", "night", "colour", "blur", "other")
COLUMNS = ("photo", "ranking", "faults", "reason")
MOST_BYTES = 1_000_000
HELP = f"""\
# One line for each photo. Lines that begin with # are passed over.
# ranking: letters from the best to the worst, such as B > A = D > C. Those left out come last, and are not compared
#     with one another. Empty: not judged.
# faults: what somebody would complain about, such as A: halo, blob; C: blur. Kinds: {", ".join(FAULTS)}.
# reason: in your own words. Put text that holds commas into "double quotes".
"""


class AnswersRefused(StudioError):
    """Answers that cannot be counted."""


@dataclass(frozen=True)
class Answer:
    """What was said about one photo.

    Attributes:
        judged: the photo.
        ranks: names, best first; those of one rank are equal. Names that were left out are in none.
        faults: kinds by name.
        reason: in words.
    """

    judged: Judged
    ranks: tuple[tuple[str, ...], ...]
    faults: Mapping[str, tuple[str, ...]]
    reason: str


def template(key: Key) -> str:
    """The table to fill in."""
    return "\n".join([HELP + ",".join(COLUMNS), *(f"{judged.number},,," for judged in key.photos), ""])


def read_answers(path: Path, key: Key) -> list[Answer]:
    """The answers in a CSV file, in the order of the photos; photos without a ranking are left out.

    Raises:
        NotFound: there is no such file.
        AnswersRefused: it holds something else, named with the photo that it is about.
    """
    try:
        text = read_plain(path, MOST_BYTES + 1).decode("utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}. `compare-blind` writes an empty answers.csv to fill in.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AnswersRefused(f"{path} must be a text file in UTF-8 that can be read; got: {error}.") from None
    if len(text) > MOST_BYTES:
        raise AnswersRefused(f"Answers have at most {MOST_BYTES:,} characters; {path} has more.")
    return _answers(text, key)


def _answers(text: str, key: Key) -> list[Answer]:
    found: dict[int, Answer] = {}
    for row in _rows(text):
        judged = _photo(row["photo"], key)
        if not row["ranking"]:
            if row["faults"]:
                raise AnswersRefused(f"Photo {judged.number} has faults and no ranking. Rank it, or clear its line.")
            continue
        if judged.number in found:
            raise AnswersRefused(f"Each photo is judged once; {judged.number} has two lines. Remove one.")
        faults = _faults(row["faults"], judged)
        found[judged.number] = Answer(judged, _ranks(row["ranking"], judged), faults, row["reason"])
    if not found:
        raise AnswersRefused("There must be a photo with a ranking, such as B > A = D > C; all lines are empty.")
    return [found[number] for number in sorted(found)]


def _rows(text: str) -> Iterable[dict[str, str]]:
    """The lines as a table; spreadsheets of some countries put semicolons between the columns."""
    lines = [line for line in text.splitlines() if line.strip(" ,;") and not line.lstrip(' "').startswith("#")]
    head = lines[0] if lines else ""
    reader = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=";" if "," not in head else ",", restval="")
    reader.fieldnames = [str(name).strip().lower() for name in reader.fieldnames or ()]
    if missing := [name for name in COLUMNS if name not in reader.fieldnames]:
        raise AnswersRefused(f"Answers have the columns {', '.join(COLUMNS)}; missing: {', '.join(missing)}.")
    for row in reader:
        if None in row:
            raise AnswersRefused(
                f"The line of photo {printable(row['photo'])[:20]} has more than {len(COLUMNS)} columns. "
                'Put text that holds commas into "double quotes".'
            )
        yield {name: printable(" ".join(row[name].split())) for name in COLUMNS}


def _photo(text: str, key: Key) -> Judged:
    number = int(text) if re.fullmatch(r"[0-9]{1,4}", text) else 0
    if not 1 <= number <= len(key.photos):
        raise AnswersRefused(f"Photos are numbered from 1 to {len(key.photos)}; got {text[:40]!r}.")
    return key.photos[number - 1]


def _ranks(text: str, judged: Judged) -> tuple[tuple[str, ...], ...]:
    ranks = [[letter.strip().upper() for letter in rank.split("=")] for rank in text.split(">")]
    given = [letter for rank in ranks for letter in rank]
    if len(set(given)) != len(given) or not set(given) <= set(judged.letters):
        raise AnswersRefused(
            f"Photo {judged.number}: a ranking names each of {', '.join(sorted(judged.letters))} at most once, such as "
            f"B > A = D > C; got {text[:80]!r}."
        )
    return tuple(tuple(judged.letters[letter] for letter in rank) for rank in ranks)


def _faults(text: str, judged: Judged) -> dict[str, tuple[str, ...]]:
    faults: dict[str, tuple[str, ...]] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        letter, _, kinds = (piece.strip() for piece in part.partition(":"))
        named = tuple(dict.fromkeys(kind.strip().lower() for kind in kinds.split(",")))
        if letter.upper() not in judged.letters or not set(named) <= set(FAULTS):
            raise AnswersRefused(
                f"Photo {judged.number}: faults are written as A: halo, blob; C: blur, with the kinds "
                f"{', '.join(FAULTS)}; got {part[:80]!r}."
            )
        name = judged.letters[letter.upper()]
        faults[name] = tuple(dict.fromkeys((*faults.get(name, ()), *named)))
    return faults
