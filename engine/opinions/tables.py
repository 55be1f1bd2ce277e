"""Answers as numbers: for each method what every participant said of every content."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.opinions.records import Answer, Participant
from engine.opinions.study import BEST, EQUAL, PAIRS, RATINGS, REAL, Study
from engine.opinions.trials import Trial, trials_for


@dataclass(frozen=True)
class Given:
    """One answer with its question."""

    participant: int
    trial: Trial
    answer: Answer


def given(study: Study, participants: Sequence[Participant], repeats: bool = False) -> Iterator[Given]:
    """All answers; those to repeated questions only where they are asked for."""
    for number, participant in enumerate(participants):
        for trial, answer in zip(trials_for(study, participant.id), participant.answers, strict=False):
            if repeats or trial.repeat_of is None:
                yield Given(number, trial, answer)


def scores(study: Study, participants: Sequence[Participant], question: str) -> dict[str, np.ndarray]:
    """By method, (participants, contents) float with NaN where nothing was said.

    Ratings are 1 to 5. Of "best" it is 1 for the chosen one, of "pairs" the share of comparisons that were won (a draw
    is half of one), of "real" 1 for what was taken for real.
    """
    place = {content: number for number, content in enumerate(study.contents)}
    collected: dict[tuple[str, int, int], list[float]] = defaultdict(list)
    for each in given(study, participants):
        for method, score in _scored(study, each.trial, each.answer.values[question]):
            collected[method, each.participant, place[each.trial.content]].append(score)
    tables = {method: np.full((len(participants), len(study.contents)), math.nan) for method in study.methods}
    for (method, row, column), values in collected.items():
        tables[method][row, column] = sum(values) / len(values)
    return tables


def _scored(study: Study, trial: Trial, value: int | str) -> list[tuple[str, float]]:
    if study.kind == RATINGS:
        return [(trial.shown[0], float(value))]
    if study.kind == REAL:
        return [(trial.shown[0], float(value == "real"))]
    if study.kind == PAIRS and value == EQUAL:
        return [(method, 0.5) for method in trial.shown]
    return [(method, float(value == method)) for method in trial.shown]


def wins(study: Study, participants: Sequence[Participant]) -> np.ndarray:
    """Of pairs, (participants, contents, methods, methods): how often the first method won against the second."""
    place = {content: number for number, content in enumerate(study.contents)}
    index = {method: number for number, method in enumerate(study.methods)}
    won = np.zeros((len(participants), len(study.contents), len(index), len(index)))
    for each in given(study, participants):
        first, second = (index[method] for method in each.trial.shown)
        for winner, loser, method in ((first, second, each.trial.shown[0]), (second, first, each.trial.shown[1])):
            value = str(each.answer.values[study.kind])
            won[each.participant, place[each.trial.content], winner, loser] += {EQUAL: 0.5, method: 1.0}.get(value, 0.0)
    return won


def coded(study: Study, participants: Sequence[Participant], question: str) -> np.ndarray:
    """(participants, units) float codes for Krippendorff's alpha, NaN where somebody was not asked."""
    index = {method: number for number, method in enumerate([*study.methods, EQUAL, "real", "made"])}
    units: dict[tuple[str, frozenset[str]], int] = {}
    cells = []
    for each in given(study, participants):
        unit = units.setdefault((each.trial.content, frozenset(each.trial.shown)), len(units))
        value = each.answer.values[question]
        cells.append((each.participant, unit, float(value if isinstance(value, int) else index[value])))
    table = np.full((len(participants), len(units)), math.nan)
    for row, column, code in cells:
        table[row, column] = code
    return table


def options(study: Study) -> int:
    """How many answers a question offers."""
    return {RATINGS: 5, BEST: len(study.methods), PAIRS: 3, REAL: 2}[study.kind]


def repeatability(study: Study, participant: Participant) -> tuple[float, int]:
    """How alike somebody answers the same question twice, and how many times that was asked.

    Returns:
        1 for always the same, 0 for what chance would give (below 0 is cut off); NaN where nothing was repeated.
    """
    trials, answers = trials_for(study, participant.id), participant.answers
    again = [trial for trial in trials[: len(answers)] if trial.repeat_of is not None]
    apart = [_apart(study, answers[t.position].values, answers[t.repeat_of or 0].values) for t in again]
    if not apart:
        return math.nan, 0
    steps = options(study)
    by_chance = (steps**2 - 1) / (3 * steps) if study.kind == RATINGS else 1 - 1 / steps
    return max(0.0, 1 - sum(apart) / len(apart) / by_chance), len(apart)


def _apart(study: Study, one: Mapping[str, int | str], other: Mapping[str, int | str]) -> float:
    if study.kind == RATINGS:
        return sum(abs(float(one[name]) - float(other[name])) for name in study.questions) / len(study.questions)
    return float(one[study.kind] != other[study.kind])
