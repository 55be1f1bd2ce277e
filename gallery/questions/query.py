"""A question to the gallery as one value: what is looked for, and in which order."""

from dataclasses import dataclass, field, replace
from typing import Any

NEWEST, OLDEST, RATING, LARGEST = "newest", "oldest", "rating", "largest"
SORTS = (NEWEST, OLDEST, RATING, LARGEST)


@dataclass(frozen=True, kw_only=True)
class Query:
    """Pictures are found that answer to every field that is set; a field as it is here asks for nothing.

    Attributes:
        words: the title has each of these words, or a word beginning like it.
        kinds, models, samplers: one of these names, as in the record.
        sizes: one of these, such as `768x512` (width x height).
        loras: every one of these was applied.
        tags: it has every one of these.
        colours: it has every one of these among its main ones; see `gallery.looks.colours`.
        commercial_use: the licences of all that it was made with are known to allow it.
        made_from, made_before: unix seconds; from the first on, before the second.
        seed: of this picture, 0 to 2**64 - 1.
        favourite: it is one.
        rating: it has at least so many stars, 1 to 5; 0 asks for none.
        board: id of a board that it is on.
        parent: id of a picture that it was made from.
        stack: of this stack, see `ImageRecord.stack`.
        trash: the deleted pictures instead of the others.
        owner: whose; None means anybody's.
        sort: one of `SORTS`; best and largest first, the newest first among equals.
        fold: of each stack (the same recipe with other seeds) only the first picture in the order.
    """

    words: str = ""
    kinds: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    made_from: float | None = None
    made_before: float | None = None
    seed: int | None = None
    favourite: bool = False
    rating: int = 0
    tags: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    commercial_use: bool = False
    board: str | None = None
    parent: str | None = None
    stack: str | None = None
    trash: bool = False
    owner: str | None = None
    sort: str = NEWEST
    fold: bool = False

    def __post_init__(self) -> None:
        if self.sort not in SORTS:
            raise ValueError(f"Pictures are sorted by one of {', '.join(SORTS)}; got {self.sort!r}.")

    @property
    def filters(self) -> tuple[str, ...]:
        """The names of the fields that are set and leave pictures out, but for owner and trash."""
        return tuple(name for name in _FILTERS if self._asks(name))

    @property
    def of_words_only(self) -> bool:
        """Whether the database alone answers it quickly: by words, owner and trash, newest first."""
        return self.sort == NEWEST and not self.fold and set(self.filters) <= {"words"}

    def without(self, *names: str) -> "Query":
        """The same with these fields as they are when nothing is asked."""
        nothing = Query()
        changes: dict[str, Any] = {name: getattr(nothing, name) for name in names}
        return replace(self, **changes)

    def _asks(self, name: str) -> bool:
        value = getattr(self, name)
        if name in ("seed", "made_from", "made_before"):  # 0 is one of these
            return value is not None
        return bool(value.strip() if isinstance(value, str) else value)


_FILTERS = (
    "words", "kinds", "models", "loras", "samplers", "sizes", "made_from", "made_before", "seed", "favourite",
    "rating", "tags", "colours", "commercial_use", "board", "parent", "stack",
)  # fmt: skip

Counts = tuple[tuple[str, int], ...]
"""Values with how many pictures have them, most first."""


@dataclass(frozen=True, kw_only=True)
class Facets:
    """How many pictures each value would leave, with everything else that is asked.

    Of kinds, models, samplers, sizes, ratings and boards a picture has one that counts, so a value of those is counted
    beside the others of its kind. LoRAs, tags and colours narrow further: counted is what is left when one more is
    chosen.

    Attributes:
        total: how many pictures answer to all that is asked; stacks are not folded.
        favourites, commercial: how many of them would be left with `favourite`, and with `commercial_use`.
        ratings: by the least number of stars, from 5 to 1.
        boards: by id.
    """

    total: int = 0
    kinds: Counts = ()
    models: Counts = ()
    loras: Counts = ()
    samplers: Counts = ()
    sizes: Counts = ()
    tags: Counts = ()
    colours: Counts = ()
    boards: Counts = ()
    ratings: Counts = ()
    favourites: int = 0
    commercial: int = 0
    relaxed: dict[str, int] = field(default_factory=dict)
    """Where nothing is found: by the name of a filter, how many would be without it."""
