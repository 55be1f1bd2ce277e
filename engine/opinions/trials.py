"""In which order a participant is asked what: drawn from the study's seed and the participant's number alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from engine.opinions.study import BEST, PAIRS, Study

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Trial:
    """One question.

    Attributes:
        position: from 0.
        content: what the pictures show.
        shown: the methods whose pictures are shown, in the order in which they stand there.
        repeat_of: the position of the same question, asked before; None for what is asked for the first time.
    """

    position: int
    content: str
    shown: tuple[str, ...]
    repeat_of: int | None = None


def trials_for(study: Study, participant: str) -> tuple[Trial, ...]:
    """All questions for a participant, always the same ones."""
    chance = random.Random(f"{study.seed}/{participant}")
    asked = _asked(study, chance)
    first = [Trial(position, content, shown) for position, (content, shown) in enumerate(asked)]
    return tuple(first) + tuple(_repeats(study, first, chance))


def _asked(study: Study, chance: random.Random) -> list[tuple[str, tuple[str, ...]]]:
    if study.kind == BEST:
        contents = _shuffled(study.contents, chance)
        return [(content, tuple(_shuffled(study.methods, chance))) for content in contents]
    if study.kind == PAIRS:
        sets = [list(pair) for pair in combinations(study.methods, 2)]
    else:
        sets = [[method] for method in study.methods]
    return _in_rounds(study.contents, sets, chance)


def _in_rounds(
    contents: tuple[str, ...], sets: list[list[str]], chance: random.Random
) -> list[tuple[str, tuple[str, ...]]]:
    """Every content with every set of methods; a content comes again only when all others have come."""
    orders = {content: _shuffled(sets, chance) for content in contents}
    asked: list[tuple[str, tuple[str, ...]]] = []
    for number in range(len(sets)):
        order = _shuffled(contents, chance)
        if len(order) > 1 and asked and order[0] == asked[-1][0]:
            order.append(order.pop(0))
        asked += [(content, tuple(_shuffled(orders[content][number], chance))) for content in order]
    return asked


def _repeats(study: Study, first: list[Trial], chance: random.Random) -> list[Trial]:
    """Early questions once more at the end, in another order; of pictures beside each other, also in other places."""
    early = first[: max(study.repeats, (len(first) + 1) // 2)]
    again = chance.sample(early, study.repeats)
    return [
        Trial(
            len(first) + number,
            trial.content,
            tuple(trial.shown[::-1] if study.kind == PAIRS else _shuffled(trial.shown, chance)),
            trial.position,
        )
        for number, trial in enumerate(again)
    ]


def _shuffled(items: Sequence[Item], chance: random.Random) -> list[Item]:
    return chance.sample(list(items), len(items))
