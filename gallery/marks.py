"""The artist's marks: favourites, ratings, tags and boards.

Each function is one transaction, for up to 10,000 pictures at once, in the trash too. What it gives back undoes it, and
leaves alone what was marked otherwise in the meantime.
"""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gallery.database import Database, now
from gallery.errors import BoardNotFound, MarkRefused
from gallery.ids import new_id
from gallery.schema import BoardImage, BoardRow, Image, ImageTag

MOST_IDS = 10_000
MOST_TAGS = 50  # at once
RATINGS = range(1, 6)
TAG_LENGTH, NAME_LENGTH = 40, 60


@dataclass(frozen=True, slots=True)
class Undo:
    """What a change did, and the way back.

    Attributes:
        changed: how many pictures are marked otherwise than before; 0 leaves nothing to undo.
    """

    changed: int
    _back: Callable[[Session], object]

    def undo(self, database: Database) -> None:
        """Put the marks back that are still as this change left them. A second time changes nothing."""
        if self.changed:
            with database.write() as session:
                self._back(session)


@dataclass(frozen=True, slots=True)
class Board:
    """Pictures that belong together.

    Attributes:
        created_at: unix seconds.
        images: how many are on it, without those in the trash.
    """

    id: str
    name: str
    created_at: float
    images: int


# -- favourites and ratings


def set_favourite(database: Database, image_ids: Iterable[str], on: bool, owner: str | None = None) -> Undo:
    """Make pictures favourites, or no longer."""
    with database.write() as session:
        changed = list(session.scalars(select(Image.id).where(_of(image_ids, owner), Image.favourite.is_not(on))))
        _write(session, changed, favourite=on)

    def back(session: Session) -> None:
        _write(session, changed, Image.favourite.is_(on), favourite=not on)

    return Undo(len(changed), back)


def rate(database: Database, image_ids: Iterable[str], rating: int | None, owner: str | None = None) -> Undo:
    """Give pictures 1 to 5 stars; None takes them away.

    Raises:
        MarkRefused: another rating.
    """
    if rating is not None and (isinstance(rating, bool) or rating not in RATINGS):
        raise MarkRefused(f"A rating is 1 to 5 stars, or none; got {rating!r}. Choose one of these.")
    other = Image.rating.is_not(None) if rating is None else Image.rating.is_distinct_from(rating)
    with database.write() as session:
        before: dict[int | None, list[str]] = {}
        for image_id, old in session.execute(select(Image.id, Image.rating).where(_of(image_ids, owner), other)):
            before.setdefault(old, []).append(image_id)
        for ids in before.values():
            _write(session, ids, rating=rating)

    def back(session: Session) -> None:
        for old, ids in before.items():
            _write(session, ids, Image.rating.is_not_distinct_from(rating), rating=old)

    return Undo(sum(map(len, before.values())), back)


# -- tags


def tag_of(text: str) -> str:
    """A tag as it is kept: in lower case, one space between words.

    Raises:
        MarkRefused: it has not 1 to 40 characters, or has one that cannot be seen.
    """
    tag = " ".join(unicodedata.normalize("NFC", text).lower().split())
    if not 1 <= len(tag) <= TAG_LENGTH or _unseen(tag):
        raise MarkRefused(
            f"A tag has 1 to {TAG_LENGTH} characters, all of which can be seen; got {_quoted(text)}, "
            f"{len(tag)} characters. Choose another."
        )
    return tag


def add_tags(database: Database, image_ids: Iterable[str], tags: Iterable[str], owner: str | None = None) -> Undo:
    """Give pictures tags, beside those that they have.

    Raises:
        MarkRefused: as `tag_of` does, or there are more than 50 at once.
    """
    wanted = _tags_of(tags)
    with database.write() as session:
        ids = list(session.scalars(select(Image.id).where(_of(image_ids, owner))))
        had = _tagged(session, ids, wanted)
        new = [(image_id, tag) for image_id in ids for tag in wanted if (image_id, tag) not in had]
        _put_tags(session, new)
    return Undo(len({image_id for image_id, _ in new}), lambda session: _drop_tags(session, new))


def remove_tags(database: Database, image_ids: Iterable[str], tags: Iterable[str], owner: str | None = None) -> Undo:
    """Take tags from pictures. Raises as `add_tags` does."""
    wanted = _tags_of(tags)
    with database.write() as session:
        ids = list(session.scalars(select(Image.id).where(_of(image_ids, owner))))
        had = sorted(_tagged(session, ids, wanted))
        _drop_tags(session, had)

    def back(session: Session) -> None:
        there = _there(session, (image_id for image_id, _ in had))
        again = _tagged(session, list(there), wanted)
        _put_tags(session, [pair for pair in had if pair[0] in there and pair not in again])

    return Undo(len({image_id for image_id, _ in had}), back)


def tags(database: Database, owner: str) -> tuple[str, ...]:
    """Every tag that an owner's pictures have, sorted."""
    found = select(ImageTag.tag).join(Image, Image.id == ImageTag.image_id).where(Image.owner == owner).distinct()
    with database.read() as session:
        return tuple(sorted(session.scalars(found)))


# -- boards


def boards(database: Database, owner: str) -> tuple[Board, ...]:
    """An owner's boards by name."""
    live = select(BoardImage.board_id, func.count().label("images")).join(Image, Image.id == BoardImage.image_id)
    counted = live.where(Image.deleted_at.is_(None)).group_by(BoardImage.board_id).subquery()
    found = select(BoardRow.id, BoardRow.name, BoardRow.created_at, func.coalesce(counted.c.images, 0))
    found = found.outerjoin(counted, counted.c.board_id == BoardRow.id).where(BoardRow.owner == owner)
    with database.read() as session:
        return tuple(sorted((Board(*row) for row in session.execute(found)), key=lambda board: board.name.casefold()))


def boards_of(database: Database, image_id: str, owner: str | None = None) -> tuple[str, ...]:
    """The ids of the boards that a picture is on."""
    found = select(BoardImage.board_id).join(BoardRow, BoardRow.id == BoardImage.board_id)
    found = found.where(BoardImage.image_id == image_id).order_by(BoardRow.name)
    if owner is not None:
        found = found.where(BoardRow.owner == owner)
    with database.read() as session:
        return tuple(session.scalars(found))


def create_board(database: Database, owner: str, name: str) -> Board:
    """A new board without pictures; `delete_board` undoes it.

    Raises:
        MarkRefused: the name has not 1 to 60 characters, or the owner has a board of it.
    """
    name = board_name(name)
    try:
        with database.write() as session:
            row = BoardRow(id=new_id(), owner=owner, name=name, created_at=now(session))
            session.add(row)
    except IntegrityError:
        raise _taken(name) from None
    return Board(row.id, row.name, row.created_at, 0)


def rename_board(database: Database, board_id: str, name: str, owner: str | None = None) -> Undo:
    """Give a board another name.

    Raises:
        BoardNotFound: there is none of that id.
        MarkRefused: as `create_board` does.
    """
    name = board_name(name)
    try:
        with database.write() as session:
            row = _board(session, board_id, owner)
            old, row.name = row.name, name
    except IntegrityError:
        raise _taken(name) from None
    still = update(BoardRow).where(BoardRow.id == board_id, BoardRow.name == name)
    return Undo(int(old != name), lambda session: session.execute(still.values(name=old)))


def delete_board(database: Database, board_id: str, owner: str | None = None) -> Undo:
    """Delete a board; its pictures stay in the gallery. `Undo.undo` brings it back, under the same id.

    Raises:
        BoardNotFound: there is none of that id.
    """
    with database.write() as session:
        row = _board(session, board_id, owner)
        board: dict[str, Any] = {"id": row.id, "owner": row.owner, "name": row.name, "created_at": row.created_at}
        placed = session.execute(
            select(BoardImage.image_id, BoardImage.added_at).where(BoardImage.board_id == board_id)
        )
        places: list[dict[str, Any]] = [{"board_id": board_id, "image_id": i, "added_at": at} for i, at in placed]
        session.execute(delete(BoardImage).where(BoardImage.board_id == board_id))
        session.delete(row)

    def back(session: Session) -> None:
        if session.get(BoardRow, board_id) is None:
            session.execute(insert(BoardRow), [{**board, "name": _free_name(session, board["owner"], board["name"])}])
            _put_places(session, places)

    return Undo(max(len(places), 1), back)


def put_on_board(database: Database, board_id: str, image_ids: Iterable[str], owner: str | None = None) -> Undo:
    """Put pictures on a board, beside those that are on it.

    Raises:
        BoardNotFound: there is none of that id.
    """
    with database.write() as session:
        _board(session, board_id, owner)
        on_it = select(BoardImage.image_id).where(BoardImage.board_id == board_id)
        ids = list(session.scalars(select(Image.id).where(_of(image_ids, owner), Image.id.not_in(on_it))))
        moment = now(session)
        _put_places(session, [{"board_id": board_id, "image_id": i, "added_at": moment} for i in ids])
    taken = _places(board_id, ids)
    return Undo(len(ids), lambda session: session.execute(delete(BoardImage).where(taken)))


def put_on_new_board(
    database: Database, owner: str, name: str, image_ids: Iterable[str], of: str | None = None
) -> tuple[Board, Undo]:
    """Make a board and put pictures on it. Undoing it takes the board away too, unless others were put on it meanwhile.

    Where none of the pictures is there any more, no board is made.

    Args:
        of: as `owner` of `put_on_board`.

    Raises:
        MarkRefused: as `create_board` does.
    """
    board = create_board(database, owner, name)
    put = put_on_board(database, board.id, image_ids, of)

    def back(session: Session) -> None:
        put._back(session)
        if session.scalar(select(BoardImage.image_id).where(BoardImage.board_id == board.id).limit(1)) is None:
            session.execute(delete(BoardRow).where(BoardRow.id == board.id))

    undo = Undo(put.changed, back)
    if not put.changed:
        with database.write() as session:
            back(session)
    return board, undo


def take_off_board(database: Database, board_id: str, image_ids: Iterable[str], owner: str | None = None) -> Undo:
    """Take pictures off a board. Raises as `put_on_board` does."""
    with database.write() as session:
        _board(session, board_id, owner)
        found = select(BoardImage.image_id, BoardImage.added_at).where(_places(board_id, _bounded(image_ids)))
        places = [{"board_id": board_id, "image_id": i, "added_at": at} for i, at in session.execute(found)]
        session.execute(delete(BoardImage).where(_places(board_id, [str(place["image_id"]) for place in places])))

    def back(session: Session) -> None:
        if session.get(BoardRow, board_id) is not None:
            _put_places(session, places)

    return Undo(len(places), back)


def board_name(text: str) -> str:
    """The name of a board as it is kept: one space between words.

    Raises:
        MarkRefused: it has not 1 to 60 characters, or has one that cannot be seen.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= NAME_LENGTH or _unseen(name):
        raise MarkRefused(
            f"A board's name has 1 to {NAME_LENGTH} characters, all of which can be seen; got {_quoted(text)}, "
            f"{len(name)} characters. Choose another."
        )
    return name


# -- parts


def _bounded(image_ids: Iterable[str]) -> list[str]:
    ids = list(dict.fromkeys(image_ids))
    if len(ids) > MOST_IDS:
        raise MarkRefused(
            f"Up to {MOST_IDS:,} pictures are marked at once; got {len(ids):,}. Choose fewer, then the others."
        )
    return ids


def _of(image_ids: Iterable[str], owner: str | None) -> ColumnElement[bool]:
    wanted = Image.id.in_(_bounded(image_ids))
    return wanted if owner is None else wanted & (Image.owner == owner)


def _write(session: Session, ids: list[str], *still: ColumnElement[bool], **values: object) -> None:
    session.execute(update(Image).where(Image.id.in_(ids), *still).values(**values))


def _there(session: Session, ids: Iterable[str]) -> set[str]:
    """Those that are not gone for good. A board may have more pictures than a statement has room for."""
    every = sorted(set(ids))
    parts = (every[at : at + MOST_IDS] for at in range(0, len(every), MOST_IDS))
    return {each for part in parts for each in session.scalars(select(Image.id).where(Image.id.in_(part)))}


def _tags_of(texts: Iterable[str]) -> list[str]:
    tags = sorted({tag_of(text) for text in texts})
    if len(tags) > MOST_TAGS:
        raise MarkRefused(f"Up to {MOST_TAGS} tags are given at once; got {len(tags)}. Give fewer, then the others.")
    return tags


def _tagged(session: Session, ids: list[str], tags: list[str]) -> set[tuple[str, str]]:
    wanted = ImageTag.image_id.in_(ids) & ImageTag.tag.in_(tags)
    return {(image_id, tag) for image_id, tag in session.execute(select(ImageTag.image_id, ImageTag.tag).where(wanted))}


def _put_tags(session: Session, pairs: list[tuple[str, str]]) -> None:
    if pairs:
        session.execute(insert(ImageTag), [{"image_id": image_id, "tag": tag} for image_id, tag in pairs])


def _drop_tags(session: Session, pairs: list[tuple[str, str]]) -> None:
    by_tag: dict[str, list[str]] = {}
    for image_id, tag in pairs:
        by_tag.setdefault(tag, []).append(image_id)
    for tag, ids in by_tag.items():
        session.execute(delete(ImageTag).where(ImageTag.tag == tag, ImageTag.image_id.in_(ids)))


def _board(session: Session, board_id: str, owner: str | None) -> BoardRow:
    row = session.get(BoardRow, board_id)
    if row is None or owner not in (None, row.owner):
        raise BoardNotFound(board_id)
    return row


def _places(board_id: str, ids: list[str]) -> ColumnElement[bool]:
    return (BoardImage.board_id == board_id) & BoardImage.image_id.in_(ids)


def _put_places(session: Session, places: list[dict[str, Any]]) -> None:
    """Those whose picture is there and not on the board."""
    for board_id in {place["board_id"] for place in places}:
        on_it = set(session.scalars(select(BoardImage.image_id).where(BoardImage.board_id == board_id)))
        there = _there(session, (place["image_id"] for place in places)) - on_it
        if new := [place for place in places if place["board_id"] == board_id and place["image_id"] in there]:
            session.execute(insert(BoardImage), new)


def _free_name(session: Session, owner: str, name: str) -> str:
    """The name, or with a number where the owner has a board of it by now."""
    taken = set(session.scalars(select(BoardRow.name).where(BoardRow.owner == owner)))
    names = (name, *(f"{name[: NAME_LENGTH - 6]} ({number})" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def _taken(name: str) -> MarkRefused:
    return MarkRefused(f"The names of boards differ; there is one of the name {name!r} already. Choose another name.")


def _unseen(text: str) -> bool:
    """Whether a character is a control, a half of one, or of no meaning; joiners within emoji are none of these."""
    return any(unicodedata.category(character) in ("Cc", "Cs", "Cn", "Co") for character in text)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= NAME_LENGTH else text[:NAME_LENGTH] + "…")
