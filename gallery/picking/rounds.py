"""Picking rounds, kept in files so that no answer is lost to a refresh, a second tab or a restart.

home/picking/<id>.json      one round: its pictures and every answer, in their order
"""

import json
import random
import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from gallery.atomic import replacing
from gallery.errors import RoundRefused, storage_error
from gallery.ids import is_id, new_id
from gallery.picking.ranking import Outcome, Place, next_pair, questions, ranking

FEWEST, MOST = 2, 64  # pictures
MOST_BYTES = 200_000  # of a round's file; one of 64 pictures with every pair answered has about 130 kB

Choice = Literal["left", "right", "equal"]
CHOICES: tuple[Choice, ...] = ("left", "right", "equal")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of two pictures, by their ids."""

    left: str
    right: str
    choice: Choice


@dataclass(frozen=True, slots=True)
class Question:
    """Which of these two?

    Attributes:
        number: how many answers were given before it.
        total: how many questions there will be, about.
        left, right: ids of the pictures.
    """

    number: int
    total: int
    left: str
    right: str


@dataclass(frozen=True)
class Round:
    """A set of pictures that is being put in order; it never changes, an answer makes another one.

    Attributes:
        created_at: unix seconds.
        seed: of which picture stands on which side.
        images: 2 to 64 different ids.
        answers: in their order.
    """

    id: str
    owner: str
    created_at: float
    seed: int
    images: tuple[str, ...]
    answers: tuple[Answer, ...] = ()

    @property
    def total(self) -> int:
        """How many questions there are in all."""
        return questions(len(self.images))

    def question(self, gone: Collection[str] = ()) -> Question | None:
        """The next question; None when the set is in order.

        Args:
            gone: ids of pictures that are not there any more.
        """
        left_over = {index for index, image_id in enumerate(self.images) if image_id in gone}
        total = questions(len(self.images) - len(left_over))
        if len(self.answers) >= total:
            return None
        pair = next_pair(len(self.images), self._outcomes, left_over)
        if pair is None:
            return None
        first, second = (self.images[index] for index in pair)
        # Which one stands on the left must say nothing about which one was ahead.
        swapped = random.Random(f"{self.seed}/{len(self.answers)}").random() < 0.5
        left, right = (second, first) if swapped else (first, second)
        return Question(len(self.answers), total, left, right)

    def ranking(self) -> list[tuple[str, Place]]:
        """The ids from the best to the weakest, each with the places that it can have."""
        return [(self.images[place.index], place) for place in ranking(len(self.images), self._outcomes)]

    @cached_property
    def _outcomes(self) -> tuple[Outcome, ...]:
        index = {image_id: number for number, image_id in enumerate(self.images)}
        outcomes = []
        for answer in self.answers:
            left, right = index[answer.left], index[answer.right]
            better, other = (right, left) if answer.choice == "right" else (left, right)
            outcomes.append((better, other, answer.choice != "equal"))
        return tuple(outcomes)


class Rounds:
    """The rounds of a studio.

    Args:
        home: its folder.
    """

    def __init__(self, home: Path):
        self._folder = Path(home) / "picking"

    def begin(self, owner: str, image_ids: Sequence[str], seed: int | None = None) -> Round:
        """A new round about these pictures.

        Raises:
            RoundRefused: fewer than 2 or more than 64 different pictures.
            StorageFailed: the disk did not take it.
        """
        images = tuple(dict.fromkeys(image_ids))
        if not FEWEST <= len(images) <= MOST or not all(map(is_id, images)):
            raise RoundRefused(
                f"A picking round is about {FEWEST} to {MOST} pictures; got {len(images)}. Choose fewer, or more."
            )
        begun = Round(new_id(), owner, time.time(), secrets.randbits(32) if seed is None else seed, images)
        with self._writing():
            self._write(begun)
        return begun

    def get(self, round_id: str, owner: str) -> Round:
        """The round of that id.

        Raises:
            RoundRefused: there is none, it is somebody else's, or its file cannot be read.
        """
        found = _read(self._path(round_id)) if is_id(round_id) else None
        if found is None or found.owner != owner:
            raise RoundRefused(
                f"There is no picking round {round_id[:40]!r}, or its file in {self._folder} cannot be read. "
                "Choose the pictures in the gallery again; their marks are as they were."
            )
        return found

    def of(self, owner: str, limit: int | None = None) -> list[Round]:
        """An owner's rounds, newest first; those that cannot be read are left out."""
        paths = sorted(self._folder.glob("*.json"), reverse=True)
        return list(islice((found for path in paths if (found := _read(path)) and found.owner == owner), limit))

    def answer(self, round_id: str, owner: str, question: Question, choice: Choice) -> Round:
        """Keep an answer. A question that was answered meanwhile, in another tab or by a double click, is let be.

        Raises:
            RoundRefused: as for `get`; StorageFailed: the disk did not take it, and the question stays open.
        """
        with self._writing():
            found = self.get(round_id, owner)
            if question.number != len(found.answers):
                return found
            if choice not in CHOICES or not {question.left, question.right} <= set(found.images):
                raise RoundRefused(f"An answer is left, right or equal, about pictures of the round; got {choice!r}.")
            answered = replace(found, answers=(*found.answers, Answer(question.left, question.right, choice)))
            self._write(answered)
        return answered

    def take_back(self, round_id: str, owner: str, count: int) -> Round:
        """Forget the last answer if there are `count` of them, so that it is asked again. Raises as `answer` does."""
        with self._writing():
            found = self.get(round_id, owner)
            if not found.answers or len(found.answers) != count:
                return found
            earlier = replace(found, answers=found.answers[:-1])
            self._write(earlier)
        return earlier

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / ".lock", timeout=30):
                yield
        except OSError as error:
            raise storage_error(error, self._folder) from error

    def _write(self, round_: Round) -> None:
        with replacing(self._path(round_.id)) as file:
            file.write(json.dumps({"version": 1, **asdict(round_)}).encode())

    def _path(self, round_id: str) -> Path:
        return self._folder / f"{round_id}.json"


def _read(path: Path) -> Round | None:
    """The round in a file; None where it is not there or not as the studio writes it."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        return _round_of(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _round_of(values: Any) -> Round:
    images = tuple(map(str, values["images"]))
    answers = tuple(Answer(*(each[name] for name in ("left", "right", "choice"))) for each in values["answers"])
    sound = FEWEST <= len(set(images)) == len(images) <= MOST and all(map(is_id, images))
    for answer in answers:
        sound &= answer.choice in CHOICES and answer.left != answer.right and {answer.left, answer.right} <= set(images)
    if not sound or not is_id(values["id"]):
        raise ValueError("not a round")
    return Round(values["id"], values["owner"], float(values["created_at"]), int(values["seed"]), images, answers)
