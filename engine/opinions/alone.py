"""What one person's rounds say: how often each method was chosen, and whether chance alone could have done that.

With one person there is nothing to say about others, so there is no interval over people. Whether the first is better
than the next to this person's eye is told by the exact test of flipped signs: were the two the same, each content's
difference might as well be the other way round (Fisher 1935; Edgington and Onghena, "Randomization Tests", 2007).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from engine.opinions.records import Participant
from engine.opinions.study import EQUAL, Study
from engine.opinions.tables import given, scores
from engine.opinions.trials import trials_for

LEVEL = 0.05
FEWEST = 6  # contents: of 5, always the same choice is chance in 1 of 16
EXACT, DRAWN = 14, 20_000  # contents up to which every flip is counted; else so many are drawn


@dataclass(frozen=True)
class Chosen:
    """How one method fared.

    Attributes:
        won: how often it was chosen; "cannot tell" is half of one.
        of: how often it could be.
    """

    method: str
    won: float
    of: int

    @property
    def share(self) -> float:
        """0 to 1; 0 where it was never shown."""
        return self.won / self.of if self.of else 0.0


@dataclass(frozen=True)
class Alone:
    """One person's rounds.

    Attributes:
        chosen: the methods, most often chosen first.
        answered, asked: questions.
        chance: how likely such a lead of the first over the second is by chance; None before any answer.
        alike: how many of the repeated questions were answered the same way, and how many there were.
        verdict: in a sentence.
    """

    chosen: tuple[Chosen, ...]
    answered: int
    asked: int
    chance: float | None
    alike: tuple[int, int]
    verdict: str

    @property
    def done(self) -> bool:
        """Whether every question is answered."""
        return self.answered == self.asked


def alone_of(study: Study, participant: Participant | None) -> Alone:
    """Count one person's answers to a study of pairs, or of the best of several."""
    asked = len(trials_for(study, participant.id if participant else ""))
    if participant is None or not participant.answers:
        return Alone(tuple(Chosen(each, 0, 0) for each in study.methods), 0, asked, None, (0, 0), "Not judged yet.")
    chosen = sorted((_chosen(study, participant, each) for each in study.methods), key=lambda each: -each.share)
    tables = scores(study, [participant], study.kind)
    difference = tables[chosen[0].method][0] - tables[chosen[1].method][0]
    difference = difference[~np.isnan(difference)]
    chance = by_chance(difference)
    verdict = _verdict(chosen[0], chosen[1], chance, len(difference))
    return Alone(tuple(chosen), len(participant.answers), asked, chance, _alike(study, participant), verdict)


def by_chance(differences: Sequence[float] | np.ndarray) -> float:
    """How likely a mean at least so far from 0 is, were every difference as likely the other way round (two-sided)."""
    values = np.asarray(differences, dtype=float)
    values = values[values != 0]
    if not len(values):
        return 1.0
    if len(values) <= EXACT:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(values))))
        return float((np.abs(signs @ values) >= abs(values.sum()) - 1e-9).mean())
    signs = np.random.default_rng(0).choice((-1.0, 1.0), (DRAWN, len(values)))
    return float(((np.abs(signs @ values) >= abs(values.sum()) - 1e-9).sum() + 1) / (DRAWN + 1))


def _chosen(study: Study, participant: Participant, method: str) -> Chosen:
    said = [each.answer.values[study.kind] for each in given(study, [participant]) if method in each.trial.shown]
    return Chosen(method, sum({method: 1.0, EQUAL: 0.5}.get(str(value), 0.0) for value in said), len(said))


def _alike(study: Study, participant: Participant) -> tuple[int, int]:
    answers = participant.answers
    again = [trial for trial in trials_for(study, participant.id)[: len(answers)] if trial.repeat_of is not None]
    same = [answers[each.position].values == answers[each.repeat_of or 0].values for each in again]
    return sum(same), len(same)


def _verdict(first: Chosen, second: Chosen, chance: float, contents: int) -> str:
    if first.share == second.share:
        return f"{first.method} and {second.method} are level to your eye: {_of(first)} each."
    lead = f"{first.method} came first, chosen in {_of(first)}; {second.method}, the next, in {_of(second)}."
    odds = "Chance alone" + (
        f" gives such a lead in 1 of {round(1 / chance)}" if chance < 0.5 else " gives such a lead as often as not"
    )
    if chance <= LEVEL:
        return f"{lead} {odds}: you do like it better."
    more = (
        f"with fewer than {FEWEST} pictures even always the same choice would not tell"
        if contents < FEWEST
        else "more prompts would tell more"
    )
    return f"{lead} {odds}, so which of the two is better to your eye cannot be told; {more}."


def _of(chosen: Chosen) -> str:
    return f"{chosen.won:g} of {chosen.of}"
