"""What was made, in numbers: by day and hour, by model, LoRA, sampler and word; read from the rows by the database."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Float, cast, func, literal_column, select
from sqlalchemy.orm import Session

from gallery.database import Database
from gallery.foreign.imported import KIND as IMPORTED
from gallery.schema import Image, ImageLora

MOST_NAMES = 20
NEWEST = 20_000  # pictures whose words and times are counted
_WORD = re.compile(r"[^\W\d_]{3,}")
_NAME_OF_FILE = re.compile(r"\.(png|jpe?g|webp)$")  # what a picture is called that came without a prompt
_USUAL = {"the", "and", "with", "from", "for", "that", "this", "her", "his", "its", "are", "was", "has", "into", "over"}
_DAY = 86_400  # seconds
_DAYS = range(date(9000, 1, 1).toordinal() - date(1970, 1, 1).toordinal())  # a damaged number may name any
_A_MILLISECOND = 2**15  # of an image's number; see `gallery.ids`

Count = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of one owner's pictures, without those in the trash.

    Attributes:
        pictures: how many there are.
        imported: of these, how many other tools made.
        days: ISO days with at least one, and how many.
        hours: pictures made here by hour of the day, 24 of them.
        models, loras, samplers, words: names and how many pictures, most first, at most `MOST_NAMES`.
        seconds: by model of the newest pictures made here: how many, and seconds for one in the mean.
    """

    pictures: int
    imported: int
    days: tuple[Count, ...]
    hours: tuple[int, ...]
    models: tuple[Count, ...]
    loras: tuple[Count, ...]
    samplers: tuple[Count, ...]
    words: tuple[Count, ...]
    seconds: tuple[tuple[str, int, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def statistics(database: Database, owner: str | None = None, zone_seconds: int = 0) -> Statistics:
    """Count what is there.

    Args:
        zone_seconds: of the clock by which days and hours are told, east of UTC.
    """
    own = [Image.deleted_at.is_(None), *([Image.owner == owner] if owner is not None else [])]
    moment = cast(Image.number, BigInteger) // _A_MILLISECOND // 1000 + zone_seconds
    with database.read() as session:
        kinds = dict(_named(session, Image.kind, own, None))
        hours = dict(_counts(session, moment % _DAY // 3600, [*own, Image.kind != IMPORTED]))
        days = sorted(each for each in _counts(session, moment // _DAY, own) if each[0] in _DAYS)
        return Statistics(
            pictures=sum(kinds.values()),
            imported=kinds.get(IMPORTED, 0),
            days=tuple((datetime.fromtimestamp(day * _DAY, UTC).date().isoformat(), count) for day, count in days),
            hours=tuple(hours.get(hour, 0) for hour in range(24)),
            models=_named(session, Image.model, own),
            loras=_named(session, ImageLora.name, [*own, ImageLora.image_id == Image.id]),
            samplers=_named(session, Image.sampler, own),
            words=_words(session, own),
            seconds=_seconds(session, database.is_sqlite, own),
        )


def _counts(session: Session, key: ColumnElement[Any], which: Sequence[ColumnElement[bool]]) -> list[tuple[Any, int]]:
    statement = select(key.label("key"), func.count()).select_from(Image).where(*which).group_by("key")
    return [(value, count) for value, count in session.execute(statement)]


def _named(
    session: Session, key: Any, which: Sequence[ColumnElement[bool]], most: int | None = MOST_NAMES
) -> tuple[Count, ...]:
    found = [(name, count) for name, count in _counts(session, key, which) if isinstance(name, str) and name]
    return tuple(sorted(found, key=lambda each: (-each[1], each[0]))[:most])


def _words(session: Session, which: Sequence[ColumnElement[bool]]) -> tuple[Count, ...]:
    """In how many of the newest pictures a word stands; names of files are no words that somebody chose."""
    titles = select(Image.title).where(*which).order_by(Image.number.desc()).limit(NEWEST)
    said = (title for title in map(str.lower, session.scalars(titles)) if not _NAME_OF_FILE.search(title))
    found = Counter(word for title in said for word in set(_WORD.findall(title)) - _USUAL)
    return tuple(sorted(found.items(), key=lambda each: (-each[1], each[0]))[:MOST_NAMES])


def _seconds(
    session: Session, sqlite: bool, which: Sequence[ColumnElement[bool]]
) -> tuple[tuple[str, int, float], ...]:
    """Of the newest pictures; the database keeps the time in the recipe, which may be damaged."""
    taken = (
        "CASE WHEN json_valid(images.recipe) THEN CAST(json_extract(images.recipe, '$.seconds') AS REAL) END"
        if sqlite
        else "CASE WHEN json_typeof(images.recipe -> 'seconds') = 'number' "
        "THEN CAST(images.recipe ->> 'seconds' AS double precision) END"
    )
    newest = select(Image.model.label("model"), literal_column(taken, Float).label("seconds")).select_from(Image)
    newest = newest.where(*which, Image.kind != IMPORTED).order_by(Image.number.desc()).limit(NEWEST)
    some = newest.subquery()
    mean = select(some.c.model, func.count(), func.avg(some.c.seconds)).where(some.c.seconds > 0).group_by(some.c.model)
    found = [(str(model), count, round(float(seconds), 3)) for model, count, seconds in session.execute(mean)]
    return tuple(sorted(found, key=lambda each: (-each[1], each[0]))[:MOST_NAMES])
