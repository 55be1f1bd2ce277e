"""The command that runs a picture's recipe again."""

from typing import Annotated

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.waiting import done
from engine.errors import StudioError
from engine.reproducing.admission import keep, of_picture
from engine.reproducing.verdict import verdict_of

commands = typer.Typer()


@commands.command()
def reproduce(
    picture: Annotated[str, typer.Argument(help="Id of a picture; `gallery list` shows them.")],
    keep_it: Annotated[
        bool, typer.Option("--keep", help="Where the pixels are others, keep the new picture in the gallery too.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Run a picture's recipe again and say whether the pixels are the same, and what is different here if not.

    An identical picture is not kept a second time.
    """
    studio = open_studio(home)
    request = of_picture(studio.gallery, studio.kinds, picture)
    job = done(studio, request, "reproduction", quiet=as_json)
    verdict = verdict_of(studio.settings.home, job.id)
    if verdict is None:
        raise StudioError("The verdict on the picture is gone. Run the command again.")
    kept = keep(studio.gallery, job) if keep_it and not verdict.identical else None
    if as_json:
        print_json({**verdict.to_dict(), "kept": kept.id if kept else None})
        return
    print(verdict.words())
    if kept:
        print(f"The new picture is kept as {kept.id}.")
