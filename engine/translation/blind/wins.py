"""Answers counted: who won, against whom, with which faults and for which reasons. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from engine.translation.blind.answers import FAULTS, Answer
from engine.translation.blind.key import PHOTO, Key


@dataclass(frozen=True)
class Against:
    """One translator against another, in photos."""

    won: int
    tied: int
    lost: int


@dataclass(frozen=True)
class Wins:
    """What came out.

    Attributes:
        judged, photos: how many were judged, of how many.
        first: by translator, on how many photos it was the best one alone.
        shared: by translator, on how many it was the best one beside others.
        against: by both names; photos on which neither was ranked are not counted.
        faults: the numbers of the photos, by translator and kind.
        photo_best: on how many photos the photo itself was ranked above every translator.
        answers: of each photo.
    """

    judged: int
    photos: int
    first: dict[str, int]
    shared: dict[str, int]
    against: dict[tuple[str, str], Against]
    faults: dict[str, dict[str, list[int]]]
    photo_best: int
    answers: tuple[Answer, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "judged": self.judged,
            "photos": self.photos,
            "first": self.first,
            "shared": self.shared,
            "against": [
                {"translator": name, "other": other, "won": found.won, "tied": found.tied, "lost": found.lost}
                for (name, other), found in self.against.items()
            ],
            "faults": self.faults,
            "photo_best": self.photo_best,
            "answers": [_answer_dict(answer) for answer in self.answers],
        }


def _answer_dict(answer: Answer) -> dict[str, Any]:
    facts = {"photo": answer.judged.number, "file": answer.judged.file, "ranking": answer.ranks}
    return facts | {"faults": dict(answer.faults), "reason": answer.reason}


def counted_wins(key: Key, answers: Sequence[Answer]) -> Wins:
    """Count the answers. The photo itself competes with nobody; where it stood is told apart."""
    best = [_first(answer) for answer in answers]
    return Wins(
        judged=len(answers),
        photos=len(key.photos),
        first={name: sum(first == (name,) for first in best) for name in key.names},
        shared={name: sum(name in first and len(first) > 1 for first in best) for name in key.names},
        against={pair: _against(*pair, answers) for pair in permutations(key.names, 2)},
        faults={name: _faults_of(name, answers) for name in (*key.names, PHOTO)},
        photo_best=sum(answer.ranks[0] == (PHOTO,) for answer in answers),
        answers=tuple(answers),
    )


def _first(answer: Answer) -> tuple[str, ...]:
    """The best translators of a photo; none where the photo alone was ranked."""
    for rank in answer.ranks:
        if names := tuple(name for name in rank if name != PHOTO):
            return names
    return ()


def _against(name: str, other: str, answers: Sequence[Answer]) -> Against:
    places = [_places(answer) for answer in answers]
    pairs = [
        (found.get(name, len(found)), found.get(other, len(found))) for found in places if {name, other} & set(found)
    ]
    return Against(sum(a < b for a, b in pairs), sum(a == b for a, b in pairs), sum(a > b for a, b in pairs))


def _places(answer: Answer) -> dict[str, int]:
    return {name: place for place, rank in enumerate(answer.ranks) for name in rank}


def _faults_of(name: str, answers: Sequence[Answer]) -> dict[str, list[int]]:
    return {
        kind: found
        for kind in FAULTS
        if (found := [answer.judged.number for answer in answers if kind in answer.faults.get(name, ())])
    }


def table(wins: Wins) -> str:
    """All of it as Markdown."""
    lines = [f"{wins.judged} of {wins.photos} photos were judged; the photo itself was put first on {wins.photo_best}."]
    lines += ["", f"| | best alone | best with others | {' | '.join(f'over {name}' for name in wins.first)} | faults |"]
    lines += ["|---" * (4 + len(wins.first)) + "|"]
    lines += [_row(name, wins) for name in wins.first]
    lines += ["", "| photo | ranking | faults | reason |", "|---|---|---|---|"]
    return "\n".join([*lines, *(_line(answer) for answer in wins.answers)])


def _row(name: str, wins: Wins) -> str:
    over = [_won(wins.against[name, other]) if other != name else "" for other in wins.first]
    kinds = ", ".join(f"{kind} {len(numbers)}" for kind, numbers in wins.faults[name].items())
    return f"| {name} | {wins.first[name]} | {wins.shared[name]} | {' | '.join(over)} | {kinds or 'none'} |"


def _won(found: Against) -> str:
    ties = f", {found.tied} equal" if found.tied else ""
    return f"{found.won} of {found.won + found.tied + found.lost}{ties}"


def _line(answer: Answer) -> str:
    ranking = " > ".join(" = ".join(rank) for rank in answer.ranks)
    faults = "; ".join(f"{name}: {', '.join(kinds)}" for name, kinds in answer.faults.items())
    cells = (f"{answer.judged.number} {answer.judged.file}", ranking, faults, answer.reason)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
