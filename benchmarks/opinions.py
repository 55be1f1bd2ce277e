"""Opinion studies that simulated people with known preferences take: do the intervals hold, does the order leak?

Each person has a taste for each method, each picture its luck, each look its noise. The orders are the studio's own
(`trials_for`), and its own code counts the answers. Some people favour what stands first, or rate lower the longer it
takes: then the orders must keep that out of the differences. Beside it the same people in one fixed order, where it
gets in.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from engine.opinions.estimates import Estimate, estimate
from engine.opinions.records import Answer, Participant
from engine.opinions.study import PAIRS, RATINGS, Study
from engine.opinions.tables import scores
from engine.opinions.trials import Trial, trials_for

STUDIES = 500
DRAWS = 4_000_000  # of the truth; a hundredth of an interval's width at most
METHODS = ("one", "two", "three")
MIDDLE = 3.2  # of ratings


@dataclass(frozen=True)
class Design:
    """A study and its people.

    Attributes:
        people, contents: how many.
        quality: of each method, in points.
        taste, luck, noise: standard deviations, in points: of a person's taste for a method, of a method's picture, of
            a single look.
        order: points that what stands first gains, or that a rating loses from the first to the last question.
    """

    name: str
    kind: str
    people: int
    contents: int
    quality: tuple[float, float, float] = (0.3, 0.0, -0.3)
    taste: float = 0.4
    luck: float = 0.4
    noise: float = 0.8
    order: float = 0.0


DESIGNS = (
    Design("ratings, 8 people", RATINGS, 8, 10),
    Design("ratings, 24 people", RATINGS, 24, 12),
    Design("ratings that fall by 1.5 points", RATINGS, 12, 10, order=1.5),
    Design("pairs, 8 people", PAIRS, 8, 10),
    Design("pairs, 24 people", PAIRS, 24, 12),
    Design("pairs, the first is favoured by 1 point", PAIRS, 12, 10, order=1.0),
    Design("pairs of equals, the first favoured", PAIRS, 12, 10, quality=(0.0, 0.0, 0.0), order=1.0),
)


@dataclass(frozen=True)
class Minds:
    """What the people of one simulated study think: tastes (people, methods), luck (contents, methods)."""

    design: Design
    tastes: np.ndarray
    luck: np.ndarray
    chance: np.random.Generator

    def liking(self, person: int, content: int, method: int) -> float:
        """Points at one look."""
        known = self.design.quality[method] + self.tastes[person, method] + self.luck[content, method]
        return float(known + self.design.noise * self.chance.normal())


def main() -> None:
    """Print how often the 95 % intervals held the truth, and what stood first."""
    print(f"{'':42} score  difference  in one fixed order  first chosen")
    for number, design in enumerate(DESIGNS):
        _measure(design, np.random.default_rng(number))


def _measure(design: Design, chance: np.random.Generator) -> None:
    truth = _truth(design, chance)
    held: list[bool] = []
    differences: list[bool] = []
    fixed: list[bool] = []
    first: list[bool] = []
    for number in range(STUDIES):
        study, minds = _study(design, number), _minds(design, chance)
        people = [_participant(study, minds, person) for person in range(design.people)]
        tables = scores(study, people, "overall" if design.kind == RATINGS else PAIRS)
        held += [_holds(estimate(tables[name]), truth[place]) for place, name in enumerate(METHODS)]
        differences.append(_holds(estimate(tables["one"] - tables["two"]), truth[0] - truth[1]))
        one, two, _ = _in_fixed_order(_minds(design, chance))
        fixed.append(_holds(estimate(one - two), truth[0] - truth[1]))
        first += _chosen_first(study, people)
    shares = [f"{np.mean(each):.1%}" if each else "" for each in (held, differences, fixed, first)]
    print(f"{design.name:42} {shares[0]:>5}  {shares[1]:>10}  {shares[2]:>18}  {shares[3]:>12}", flush=True)


def _holds(found: Estimate, truth: float) -> bool:
    return found.low <= truth <= found.high


def _study(design: Design, number: int) -> Study:
    contents = tuple(f"content {each}" for each in range(design.contents))
    pictures = {content: {method: f"{content} {method}" for method in METHODS} for content in contents}
    return Study(
        id=str(number), token="", title="", kind=design.kind, methods=METHODS, contents=contents, pictures=pictures,
        originals={}, repeats=4, seed=number, least_seconds=0, glimpse_seconds=0, consent="", created_at=0,
        question="Which?",
    )  # fmt: skip


def _minds(design: Design, chance: np.random.Generator) -> Minds:
    tastes = design.taste * chance.normal(size=(design.people, len(METHODS)))
    luck = design.luck * chance.normal(size=(design.contents, len(METHODS)))
    return Minds(design, tastes, luck, chance)


def _participant(study: Study, minds: Minds, person: int) -> Participant:
    name = f"{random.Random(f'{study.id} {person}').getrandbits(64):016x}"
    trials = trials_for(study, name)
    answers = (Answer(each.position, _answer(study, minds, person, each, len(trials)), 1.0) for each in trials)
    return Participant(name, 0.0, tuple(answers))


def _answer(study: Study, minds: Minds, person: int, trial: Trial, of: int) -> dict[str, int | str]:
    content = study.contents.index(trial.content)
    liked = [minds.liking(person, content, METHODS.index(name)) for name in trial.shown]
    if study.kind == RATINGS:
        return {"overall": _rating(liked[0] - minds.design.order * trial.position / of)}
    return {PAIRS: trial.shown[0 if liked[0] + minds.design.order > liked[1] else 1]}


def _rating(points: float) -> int:
    return int(np.clip(np.rint(MIDDLE + points), 1, 5))


def _in_fixed_order(minds: Minds) -> Iterator[np.ndarray]:
    """Tables of each method, (people, contents), had everybody been asked about the first method first."""
    design = minds.design
    tables = np.zeros((len(METHODS), design.people, design.contents))
    for person in range(design.people):
        for content in range(design.contents):
            if design.kind == RATINGS:
                for method in range(len(METHODS)):
                    done = (method + content / design.contents) / len(METHODS)
                    tables[method, person, content] = _rating(
                        minds.liking(person, content, method) - design.order * done
                    )
            else:
                for one, two in combinations(range(len(METHODS)), 2):
                    gain = minds.liking(person, content, one) + design.order - minds.liking(person, content, two)
                    tables[one if gain > 0 else two, person, content] += 1 / (len(METHODS) - 1)
    return iter(tables)


def _chosen_first(study: Study, people: list[Participant]) -> list[bool]:
    if study.kind != PAIRS:
        return []
    return [
        answer.values[PAIRS] == trial.shown[0]
        for person in people
        for trial, answer in zip(trials_for(study, person.id), person.answers, strict=True)
    ]


def _truth(design: Design, chance: np.random.Generator) -> list[float]:
    """The score of each method with endless people, pictures and looks in drawn orders."""
    spread = np.sqrt(design.taste**2 + design.luck**2 + design.noise**2)
    found = []
    for method, quality in enumerate(design.quality):
        if design.kind == RATINGS:
            points = quality + spread * chance.normal(size=DRAWS) - design.order * chance.random(DRAWS)
            found.append(float(np.clip(np.rint(MIDDLE + points), 1, 5).mean()))
            continue
        others = [design.quality[other] for other in range(len(METHODS)) if other != method]
        gains = [
            quality - other + spread * np.sqrt(2) * chance.normal(size=DRAWS)
            + design.order * np.where(chance.random(DRAWS) < 0.5, 1, -1)
            for other in others
        ]  # fmt: skip
        found.append(float(np.mean([(gain > 0).mean() for gain in gains])))
    return found
