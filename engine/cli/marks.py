"""Favourites, ratings, tags and boards from the command line."""

from typing import Annotated

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.errors import StudioError
from engine.rules import counted
from gallery import marks
from gallery.database import Database
from gallery.marks import Undo
from gallery.store import DEFAULT_OWNER

OWNER = DEFAULT_OWNER
Words = list[str]


def mark(
    ids: Annotated[Words, typer.Argument(metavar="ID...", help="Ids of images, as `gallery list` shows them.")],
    favourite: Annotated[
        bool | None, typer.Option("--favourite/--no-favourite", help="Make them favourites, or no longer.")
    ] = None,
    rating: Annotated[int | None, typer.Option(min=0, max=5, help="Give 1 to 5 stars; 0 takes them away.")] = None,
    tag: Annotated[Words, typer.Option(help="Give this tag; may be given several times.")] = [],  # noqa: B006
    untag: Annotated[Words, typer.Option(help="Take this tag away.")] = [],  # noqa: B006
    board: Annotated[Words, typer.Option(help="Put on the board of this name; a new one is made.")] = [],  # noqa: B006
    off_board: Annotated[Words, typer.Option(help="Take off the board of this name.")] = [],  # noqa: B006
    home: Home = None,
) -> None:
    """Mark images: favourite, stars, tags, boards."""
    studio = open_studio(home)
    for image_id in ids:
        studio.gallery.get(image_id)  # a wrong id changes nothing
    database, done = studio.database, dict[str, Undo]()
    words = [*map(marks.tag_of, [*tag, *untag]), *map(marks.board_name, [*board, *off_board])]
    if not words and favourite is None and rating is None:
        raise StudioError("Name what to do, such as --favourite, --rating 4, --tag harbour or --board Dragons.")
    off = {name: board_called(database, name) for name in off_board}  # an unknown one changes nothing either
    if favourite is not None:
        done["favourite" if favourite else "no favourite"] = marks.set_favourite(database, ids, favourite)
    if rating is not None:
        done[f"rating {rating}"] = marks.rate(database, ids, rating or None)
    if tag:
        done["tagged"] = marks.add_tags(database, ids, tag)
    if untag:
        done["untagged"] = marks.remove_tags(database, ids, untag)
    for name in board:
        done[f"on {name}"] = marks.put_on_board(database, _board_to_put_on(database, name), ids)
    for name, board_id in off.items():
        done[f"off {name}"] = marks.take_off_board(database, board_id, ids)
    for what, change in done.items():
        print(f"{what}: {counted(change.changed, 'image')} changed.")


def list_boards(home: Home = None, as_json: Json = False) -> None:
    """List the boards, with how many images are on each."""
    for board in marks.boards(open_studio(home).database, OWNER):
        if as_json:
            print_json({"id": board.id, "name": board.name, "images": board.images})
        else:
            print(f"{board.id}  {counted(board.images, 'image'):12}  {board.name}")


def board_called(database: Database, name: str) -> str:
    """The id of the board of a name.

    Raises:
        StudioError: there is none.
    """
    known = _known(database)
    if (found := known.get(marks.board_name(name))) is None:
        there = ", ".join(map(repr, known)) or "none yet"
        raise StudioError(f"No board is called {name!r}. The boards are: {there}.")
    return found


def _board_to_put_on(database: Database, name: str) -> str:
    return _known(database).get(marks.board_name(name)) or marks.create_board(database, OWNER, name).id


def _known(database: Database) -> dict[str, str]:
    return {board.name: board.id for board in marks.boards(database, OWNER)}
