"""The artist's marks in a snapshot: read there, and given to the images that were taken in again."""

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gallery.mending import repair
from gallery.schema import BoardRow

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Marks:
    """Rows as the tables have them; `images` has id, favourite and rating."""

    images: Rows = ()
    tags: Rows = ()
    boards: Rows = ()
    places: Rows = ()


def read(path: Path, image_ids: Collection[str]) -> Marks:
    """What a snapshot knows of these images, and all its boards; nothing where it is older than marks are."""
    with closing(repair.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'board_images'").fetchone():
            return Marks()
        images = _rows(connection, "SELECT id, favourite, rating FROM images WHERE favourite OR rating NOTNULL")
        tags = _rows(connection, "SELECT image_id, tag FROM image_tags")
        places = _rows(connection, "SELECT board_id, image_id, added_at FROM board_images")
        return Marks(
            [row for row in images if row["id"] in image_ids],
            [row for row in tags if row["image_id"] in image_ids],
            _rows(connection, "SELECT id, owner, name, created_at FROM boards"),
            [row for row in places if row["image_id"] in image_ids],
        )


def put(session: Session, marks: Marks) -> None:
    """Give the images their marks; a board that is there by its owner and name takes the pictures of its namesake."""
    boards = {(owner, name): board_id for board_id, owner, name in session.execute(_BOARDS)}
    ids = set(boards.values())
    new = [row for row in marks.boards if (row["owner"], row["name"]) not in boards and row["id"] not in ids]
    here = {row["id"]: boards.get((row["owner"], row["name"]), row["id"]) for row in marks.boards}
    places = [{**row, "board_id": here[row["board_id"]]} for row in marks.places if row["board_id"] in here]
    for statement, rows in ((_MARK, marks.images), (_TAG, marks.tags), (_BOARD, new), (_PLACE, places)):
        if rows:
            session.execute(text(statement), rows)


def _rows(connection: sqlite3.Connection, query: str) -> Rows:
    return [dict(row) for row in connection.execute(query)]


_BOARDS = select(BoardRow.id, BoardRow.owner, BoardRow.name)
_MARK = "UPDATE images SET favourite = :favourite, rating = :rating WHERE id = :id"
_TAG = "INSERT OR IGNORE INTO image_tags(image_id, tag) VALUES (:image_id, :tag)"
_BOARD = "INSERT INTO boards(id, owner, name, created_at) VALUES (:id, :owner, :name, :created_at)"
_PLACE = "INSERT OR IGNORE INTO board_images(board_id, image_id, added_at) VALUES (:board_id, :image_id, :added_at)"
