"""The ways in which a database file can be hurt, and what tests ask of a home."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from engine.__main__ import main
from engine.studio import Studio

PICTURES = 12
PAGE = 4096


def recipes(studio: Studio) -> dict:
    return {image.id: (image.recipe, image.title, image.sha256) for image in studio.gallery.page().images}


def restored(home: Path, capsys, *words: str) -> tuple[int, str]:
    code = main(["gallery", "restore", *words, "--home", str(home)])
    said = capsys.readouterr()
    return code, said.out + said.err


def flipped(seed: int, pages: int):
    def hurt(file: Path) -> None:
        data, draw = bytearray(file.read_bytes()), random.Random(seed)
        for page in draw.sample(range(len(data) // PAGE), pages):
            for _ in range(64):
                data[page * PAGE + draw.randrange(PAGE)] ^= 1 << draw.randrange(8)
        file.write_bytes(data)

    return hurt


def zeroed(seed: int, pages: int):
    def hurt(file: Path) -> None:
        data, draw = bytearray(file.read_bytes()), random.Random(seed)
        for page in draw.sample(range(len(data) // PAGE), pages):
            data[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
        file.write_bytes(data)

    return hurt


def cut(share: float):
    def hurt(file: Path) -> None:
        data = file.read_bytes()
        file.write_bytes(data[: int(len(data) * share)])

    return hurt


def written(data: bytes, at: int = 0):
    def hurt(file: Path) -> None:
        old = file.read_bytes()
        file.write_bytes(old[:at] + data + old[at + len(data) :])

    return hurt


def instead(data: bytes):
    return lambda file: file.write_bytes(data)


def folder_in_its_place(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "something").write_text("inside")


def sql(*statements: str):
    def hurt(file: Path) -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA writable_schema=ON")
            for statement in statements:
                connection.execute(statement)

    return hurt


def log_is_lost(file: Path) -> None:
    """In the mode of a write-ahead log, half of the pictures are in it only; it is deleted."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        before = file.read_bytes()
        connection.execute("UPDATE images SET title = title || '!'")
    file.write_bytes(before)


def foreign_log(file: Path) -> None:
    """The database is gone; the log of another one lies beside its name."""
    file.unlink()
    file.with_name(file.name + "-wal").write_bytes(random.Random(3).randbytes(9000))
    file.with_name(file.name + "-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(600))


def another_database(file: Path) -> None:
    file.unlink()
    sql("CREATE TABLE bookmarks (url TEXT)", "INSERT INTO bookmarks VALUES ('x')")(file)


DAMAGES = {
    **{f"{pages} flipped pages ({seed})": flipped(seed, pages) for seed, pages in enumerate((1, 1, 1, 2, 3, 5, 8, 13))},
    **{f"{pages} zeroed pages ({seed})": zeroed(seed, pages) for seed, pages in enumerate((1, 1, 1, 2, 3, 5, 8, 13))},
    **{f"cut to {share:.0%}": cut(share) for share in (0.001, 0.1, 0.3, 0.5, 0.77, 0.95)},
    "wrong header": written(b"SQLite format 9\0"),
    "page size of 0": written(b"\0\0", 16),
    "header of zeros": written(bytes(100)),
    "first page of zeros": written(bytes(PAGE)),
    "wrong text encoding": written(b"\0\0\0\x09", 56),
    "wrong size in pages": written(b"\0\0\0\x03", 28),
    "noise": instead(random.Random(1).randbytes(50_000)),
    "noise of a page": instead(random.Random(2).randbytes(PAGE)),
    "a text file": instead(b"Dear diary,\n" * 400),
    "one byte": instead(b"S"),
    "only a header": instead(b"SQLite format 3\0"),
    "empty": instead(b""),
    "deleted": Path.unlink,
    "a folder": folder_in_its_place,
    "its log lost": log_is_lost,
    "gone, with a foreign log": foreign_log,
    "another program's database": another_database,
    "no table of pictures": sql("DROP TABLE images"),
    "no table of jobs": sql("DROP TABLE jobs"),
    "no search index": sql("DELETE FROM sqlite_master WHERE name = 'images_text'"),
    "no version": sql("DELETE FROM alembic_version"),
    "a schema of nonsense": sql("UPDATE sqlite_master SET sql = 'CREATE nonsense' WHERE name = 'images'"),
    "an index of nothing": sql("UPDATE sqlite_master SET rootpage = 9999 WHERE name = 'ix_images_live'"),
    "recipes of nonsense": sql("UPDATE images SET recipe = '{' WHERE number % 2"),
    "other recipes": sql("UPDATE images SET recipe = '{\"kind\": \"other\"}', title = 'x', seed = 1"),
    "other checksums": sql("UPDATE images SET sha256 = replace(sha256, 'a', 'b')"),
    "ids of nonsense": sql("UPDATE images SET id = 'nonsense ' || number WHERE number % 3 = 0"),
    "values of other types": sql("UPDATE images SET width = 'wide', created_at = 'now', title = x'ff00', seed = 'x'"),
    "empty rows": sql("DELETE FROM images"),
}
