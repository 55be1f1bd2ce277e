"""The command that brings a folder of other tools' pictures into the gallery."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.waiting import finished, require_success
from engine.errors import StudioError
from engine.importing.report import report_file, report_of
from engine.importing.request import Import

commands = typer.Typer()


@commands.command("import")
def import_pictures(
    folder: Annotated[Path, typer.Argument(help="With PNG, JPEG and WebP pictures; nothing in it is changed.")],
    recursive: Annotated[bool, typer.Option("--recursive", help="The folders in it too.")] = False,
    link: Annotated[bool, typer.Option("--link", help="Not offered, and says why: files are copied.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Copy a folder of other tools' pictures into the gallery, with the recipes that they carry.

    What is there already is passed over, so it can be run again at any time; Ctrl+C stops it, and what was brought in
    stays.
    """
    if link:
        raise StudioError(
            "Pictures are copied into the gallery and not linked: a linked one would be lost or changed together with "
            "its original, and could not carry its recipe. Leave --link out; your files stay where they are."
        )
    studio = open_studio(home)
    path = str(folder.expanduser().absolute())
    request = studio.request(Import.kind, {"folder": path, "recursive": recursive})
    job = finished(studio, studio.submit(request), quiet=as_json)
    report = report_of(studio.settings.home, job.id)
    if report and as_json:
        print_json({**report.to_dict(), "report": str(report_file(studio.settings.home, job.id))})
    elif report:
        print("\n".join(report.sentences()))
    require_success(job, "import")
