"""Finding images by the words of their title: FTS5 on SQLite, a `tsvector` of the same words on PostgreSQL.

Words are cut alike for both, here for PostgreSQL and by the tokenizer `unicode61` for SQLite, so that the same search
finds the same titles. Its own parser would cut at other places, and its stemming find other words.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    Text,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from gallery.schema import Image, ImageChange

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_SEARCH = 200
"""Characters of a search that are looked at; a prompt has up to 1000, a search a few words."""

_INDEX = table("images_text", column("rowid"))
# Kana, CJK ideographs and Hangul stand without spaces between words, and symbols and emoji next
# to each other: each such character is a word of its own in the index, a run of them a phrase.
_SINGLES = "\u2190-\u2bff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U0001f000-\U0001faff\U00020000-\U0003ffff"
_SINGLE = re.compile(f"[{_SINGLES}]")
_WORD = re.compile(f"[{_SINGLES}]|[^\\W_{_SINGLES}]+")
_RUN_OR_WORD = re.compile(f"[{_SINGLES}]+|[^\\W_{_SINGLES}]+")


def narrow(statement: Select, search: str, sqlite: bool) -> tuple[Select, SQLColumnExpression[Any]]:
    """Keep the images whose title has every word, or a word beginning like it.

    Returns:
        The narrower statement, and the column to page and sort by. With the full-text index that
        is the index's own key: sorted by it, SQLite stops after one page of a common word.
    """
    words, anywhere = _split(search)
    for chunk in anywhere:
        statement = statement.where(Image.title.icontains(chunk, autoescape=True))
    if not words:
        return statement, Image.number
    if not sqlite:
        return statement.where(literal_column("images.words").op("@@")(_tsquery(search))), Image.number
    match = literal_column("images_text").op("MATCH")(words)
    return statement.join(_INDEX, _INDEX.c.rowid == Image.number).where(match), _INDEX.c.rowid


def asks(search: str) -> bool:
    """Whether there is anything in it to look for."""
    return bool(_pieces(search))


def key(search: str) -> tuple[str, ...]:
    """The same for searches that find the same."""
    return tuple(sorted({piece.lower() for piece in _pieces(search)}))


def numbers(session: Session, search: str) -> "NDArray[np.int64]":
    """Of all images with these words, also those in the trash.

    They come as one text, which is read three times as quickly as 100,000 rows.
    """
    import numpy as np  # slow to import

    sqlite = _sqlite(session)
    words, anywhere = _split(search)
    if sqlite and words and not anywhere:  # the index alone knows, no row is looked at
        joined = session.connection().exec_driver_sql(_MATCHES, (words,)).scalar()
    else:
        found = narrow(select(Image.number), search, sqlite)[0].subquery()
        number = cast(found.c.number, Text)
        joined = session.scalar(select(func.group_concat(number) if sqlite else func.string_agg(number, ",")))
    return np.fromstring(joined or "", dtype=np.int64, sep=",")


def common(session: Session, least: int) -> list[str]:
    """The words that so many titles have, most first; on SQLite only, elsewhere none."""
    if not _sqlite(session):
        return []
    session.execute(text("CREATE VIRTUAL TABLE IF NOT EXISTS temp.counted USING fts5vocab(main, images_text, row)"))
    found = text("SELECT term FROM temp.counted WHERE doc >= :least ORDER BY doc DESC LIMIT 100")
    return [term for term in session.scalars(found, {"least": max(least, 1)}) if isinstance(term, str)]


def add(session: Session, image: Image) -> None:
    """Put a new image into the index, in the transaction that inserts its row."""
    if _sqlite(session):
        session.execute(_ADD, _entry(image.number, image.title))
    else:
        session.execute(_ADD_VECTOR, _vector_entry(image.number, image.title))


def remove(session: Session, image: Image) -> None:
    """Take an image out of the index, in the transaction that deletes its row."""
    if _sqlite(session):
        session.execute(_REMOVE, _entry(image.number, image.title))


def heal(session: Session, *, thoroughly: bool = False) -> bool:
    """Compare the index with the images and build it anew where they differ.

    Args:
        thoroughly: word by word with an index that is built beside it, since SQLite's own check of such an index sees
            neither a missing word nor a changed one.

    Returns:
        True where it had to be built anew.
    """
    if not _sqlite(session) or (_sound(session) and not (thoroughly and _differs(session))):
        return False
    rebuild(session)
    return True


def rebuild(session: Session) -> None:
    """Build the index of all images anew."""
    sqlite = _sqlite(session)
    if sqlite:
        session.execute(text("INSERT INTO images_text(images_text) VALUES ('delete-all')"))
    session.execute(insert(ImageChange).values(image_id="", titles=True))
    everything = session.execute(select(Image.number, Image.title))
    for some in everything.partitions(_BATCH):
        entries = [(_entry if sqlite else _vector_entry)(number, title) for number, title in some]
        session.execute(_ADD if sqlite else _ADD_VECTOR, entries)


def _differs(session: Session) -> bool:
    """Whether a word stands elsewhere than in an index that is built now, in a table for the moment."""
    made = session.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'images_text'"))
    definition = made[made.index("USING") :]
    session.execute(text(f"CREATE VIRTUAL TABLE temp.images_text_fresh {definition}"))
    try:
        for some in session.execute(select(Image.number, Image.title)).partitions(_BATCH):
            session.execute(_ADD_FRESH, [_entry(number, title) for number, title in some])
        for name, of in {"words_fresh": "temp, images_text_fresh", "words_kept": "main, images_text"}.items():
            session.execute(text(f"CREATE VIRTUAL TABLE temp.{name} USING fts5vocab({of}, instance)"))
        return bool(session.scalar(_DIFFERENT_WORDS))
    except DatabaseError:
        return True
    finally:
        for name in ("words_fresh", "words_kept", "images_text_fresh"):
            session.execute(text(f"DROP TABLE IF EXISTS temp.{name}"))


_BATCH = 1000
_ADD_FRESH = text("INSERT INTO temp.images_text_fresh(rowid, title) VALUES (:number, :title)")
_FRESH, _KEPT = (f"SELECT term, doc, offset FROM temp.words_{name}" for name in ("fresh", "kept"))
_DIFFERENT_WORDS = text(f"SELECT EXISTS ({_FRESH} EXCEPT {_KEPT}) OR EXISTS ({_KEPT} EXCEPT {_FRESH})")
_MATCHES = "SELECT group_concat(rowid) FROM images_text WHERE images_text MATCH ?"
_ADD_VECTOR = text("UPDATE images SET words = CAST(:words AS tsvector) WHERE number = :number")
_ADD = text("INSERT INTO images_text(rowid, title) VALUES (:number, :title)")
_REMOVE = text("INSERT INTO images_text(images_text, rowid, title) VALUES ('delete', :number, :title)")
_CHECK = text("INSERT INTO images_text(images_text) VALUES ('integrity-check')")
_DIFFERENCE = text(
    "SELECT EXISTS (SELECT number FROM images EXCEPT SELECT id FROM images_text_docsize) "
    "OR EXISTS (SELECT id FROM images_text_docsize EXCEPT SELECT number FROM images)"
)


def spaced(title: str) -> str:
    """The title with each character that is a word of its own set apart, as the index has it; 0002 builds it so too."""
    return _SINGLE.sub(r" \g<0> ", title)


def _entry(number: int, title: str) -> dict[str, object]:
    return {"number": number, "title": spaced(title)}


# -- PostgreSQL: lexemes with their places, in quotes, so that no parser of its own looks at them

_MOST_PLACES, _MOST_LEXEME = 16_000, 500  # less than PostgreSQL's own limits of places, and of bytes of a lexeme


def vector(title: str) -> str:
    """The words of a title as the text of a `tsvector`, such as `'red':1 'dragon':2`."""
    places = enumerate(_lexemes(title), start=1)
    return " ".join(f"'{lexeme}':{place}" for place, lexeme in islice(places, _MOST_PLACES))


def _lexemes(text: str) -> Iterator[str]:
    """Words as `unicode61` with `remove_diacritics 2` has them; none has a quote or a backslash."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    bare = unicodedata.normalize("NFC", bare)  # Hangul whole again
    return (word[:_MOST_LEXEME] for word in _WORD.findall(bare))


def _tsquery(search: str) -> ColumnElement[Any]:
    """Words that begin so, runs of single characters as phrases."""
    query = []
    for piece in _pieces(search):
        lexemes = [f"'{lexeme}'" for lexeme in _lexemes(piece)]
        if _SINGLE.match(piece):
            query.append(f"({' <-> '.join(lexemes)})")
        else:
            query += [f"{lexeme}:*" for lexeme in lexemes]
    return cast(bindparam("words", " & ".join(query)), TSQUERY)


def _vector_entry(number: int, title: str) -> dict[str, object]:
    return {"number": number, "words": vector(title)}


def _sound(session: Session) -> bool:
    try:
        with session.begin_nested():
            session.execute(_CHECK)
            return not session.scalar(_DIFFERENCE)
    except DatabaseError:
        return False


def _split(search: str) -> tuple[str, list[str]]:
    """The FTS5 query, and pieces without a word that are looked for anywhere in the title.

    Only letters, digits and single symbols reach the query, in quotes: nothing is syntax.
    """
    query, anywhere = [], []
    for piece in _pieces(search):
        if _SINGLE.match(piece):
            query.append(f'"{" ".join(piece)}"')
        elif _RUN_OR_WORD.fullmatch(piece):
            query.append(f'"{piece}"*')
        else:
            anywhere.append(piece)
    return " ".join(query), anywhere


def _pieces(search: str) -> list[str]:
    """Words and runs of single characters; text between spaces that has neither, as it is."""
    chunks = unicodedata.normalize("NFC", search)[:MAX_SEARCH].replace("\0", " ").split()
    return [piece for chunk in chunks for piece in _RUN_OR_WORD.findall(chunk) or [chunk]]


def _sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
