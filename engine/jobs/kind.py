"""The contract of a kind of work: everything that queue, worker, pages and commands ask about it.

A feature declares its kinds in its `admission.py`; `engine.kinds` is the table. Nothing below it names a kind.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from engine.errors import InvalidRequest, Problem, StudioError
from engine.jobs.schema import DRAW
from engine.settings import Settings
from gallery.recipe import Recipe
from gallery.words import Describe, Words, by_kind

UNREADABLE = "A job that cannot be read: of another version of the studio, or damaged."


class Request(Protocol):
    """What can be asked: an immutable value that is validated when it is made, and travels as JSON."""

    kind: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        ...


R = TypeVar("R", bound=Request)


@dataclass(frozen=True, slots=True)
class Here:
    """What an admission may know of this machine beside the disk.

    Attributes:
        accelerated: whether the worker draws on a GPU.
        unfinished: the requests of a kind's jobs that wait or run.
    """

    settings: Settings
    accelerated: bool
    unfinished: Callable[[str], Sequence[Any]]


def _as_given(values: Mapping[str, Any], here: Here) -> Mapping[str, Any]:
    return values


def _no_problems(values: Mapping[str, Any], here: Here) -> list[Problem]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[R]):
    """One kind of work.

    Attributes:
        name: in rows of jobs and in recipes; that of the request type.
        read: builds the request from JSON-like values, and checks its rules.
        title: what a job does, in words for people.
        lane: DRAW and TRAIN share the device, FETCH runs beside them.
        complete: fills in what a form may leave out.
        check: what on this machine speaks against these values, whose own rules may be broken.
        settle: draws what is still open when it is queued, such as a seed.
        afresh: the same request with that open again, and what follows from it made anew; None where nothing is drawn.
        alone: the request for one of its pictures by itself, by that picture's index, which gives the same pixels; None
            where pictures of this kind are not made again one by one.
        pictures: how many pictures a job brings into the gallery.
        preview_width: pixels of the picture that a running job shows; None where that is not known before.
        pausable: whether a stopped job goes on where it was.
        stepwise: whether a job's steps mean something to people; else they see its share in percent.
        once: whether asking for the same again, while that is unfinished, gives that job.
        folder: what must be on disk before a job begins; see `engine.prepared`.
        caption: what tells one of its pictures from the others, by that picture's index; nothing where its seed does.
        describe: what its pictures are called, and what other tools read in them.
    """

    name: str
    read: Callable[[Mapping[str, Any]], R]
    title: Callable[[R], str]
    lane: str = DRAW
    complete: Callable[[Mapping[str, Any], Here], Mapping[str, Any]] = _as_given
    check: Callable[[Mapping[str, Any], Here], list[Problem]] = _no_problems
    settle: Callable[[R], R] = lambda request: request
    afresh: Callable[[R, Here], R] | None = None
    alone: Callable[[R, int], R] | None = None
    pictures: Callable[[R], int] = lambda request: 0
    preview_width: Callable[[R], int | None] = lambda request: None
    pausable: bool = False
    stepwise: bool = True
    once: bool = False
    folder: Callable[[Settings, R], Path | None] = lambda settings, request: None
    caption: Callable[[R, int], str] = lambda request, index: ""
    describe: Describe = by_kind

    def request(self, values: Mapping[str, Any], here: Here) -> R:
        """Build a request from a form's values.

        Raises:
            InvalidRequest: carries every problem of every field at once, also what speaks against it here.
        """
        values = self.complete(values, here)
        try:
            return self.read(values)
        except InvalidRequest as error:
            problems = [*error.problems]
            with suppress(StudioError):  # of values that break a rule little can be said
                problems += self.check(values, here)
            raise InvalidRequest(problems) from None

    def admitted(self, request: R, here: Here) -> R:
        """The request as it is queued. Raises StudioError where it cannot be done here."""
        if problems := self.check(request.to_dict(), here):
            raise InvalidRequest(problems)
        return self.settle(request)


class Kinds:
    """The kinds that a studio knows, by name."""

    def __init__(self, kinds: Iterable[Kind[Any]]):
        self._kinds = {kind.name: kind for kind in kinds}

    def __getitem__(self, name: str) -> Kind[Any]:
        """Raises KeyError where there is none of that name."""
        return self._kinds[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all of them."""
        return tuple(self._kinds)

    def __contains__(self, name: object) -> bool:
        return name in self._kinds

    def read(self, name: str, values: Mapping[str, Any]) -> Any:
        """The request in a row or a recipe; None where this version cannot read it."""
        try:
            return self[name].read(values)
        except (InvalidRequest, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
            return None  # a damaged row may hold anything

    def describe(self, recipe: Recipe) -> Words:
        """What a picture is called, and what other tools read in it, also of a kind that is not known here."""
        kind = self._kinds.get(recipe.kind)
        return kind.describe(recipe) if kind else Words(recipe.prompt or recipe.kind, recipe.negative_prompt)

    def stepwise(self, name: str) -> bool:
        """Whether the steps of such a job mean something to people, also of a kind that is not known here."""
        return name not in self._kinds or self._kinds[name].stepwise

    def title(self, name: str, request: Any) -> str:
        """What a job does, in words."""
        return UNREADABLE if request is None else self[name].title(request)
