"""The commands that train VQ-I2I and bring it into the studio."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.app import Home, json_settings, settings_of

commands = typer.Typer()

Run = Annotated[Path | None, typer.Option(help="Of the run; HOME/vqi2i when left out.")]


@commands.command()
def train_vqi2i(
    photos: Annotated[Path, typer.Argument(help="Folder of photos.")],
    styles: Annotated[Path, typer.Argument(help="Folder of pictures whose styles are to be taken; no pairs.")],
    folder: Run = None,
    preset: Annotated[str, typer.Option(help="default (the published networks, for a GPU) or small.")] = "small",
    steps: Annotated[int | None, typer.Option(min=1, help="In place of the preset's.")] = None,
    config: Annotated[Path | None, typer.Option(help="JSON with settings that differ from the preset.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="With one thread each; as many as there are cores.")] = 2,
    home: Home = None,
) -> None:
    """Train VQ-I2I, the studio's own way; a run that was stopped goes on where it was."""
    from engine.training.config import configured
    from engine.training.unpaired import Folders
    from engine.vqi2i import run  # here: imports torch
    from engine.vqi2i.config import PRESETS

    changes = json_settings(config) | ({} if steps is None else {"steps": steps})
    place = folder or settings_of(home).home / "vqi2i"
    run.start(Folders(photos, styles), place, configured(PRESETS, preset, changes), processes)


@commands.command()
def export_vqi2i(
    name: Annotated[str, typer.Argument(help="Of the translator.")],
    folder: Run = None,
    title: Annotated[str, typer.Option(help="For people.")] = "",
    licence: Annotated[str, typer.Option(help="Of the weights.")] = "licence unknown",
    home: Home = None,
) -> None:
    """Write the trained networks as a translator that takes a style picture, where Anime-ify finds it."""
    from engine.translation.catalogue import own_folder
    from engine.translation.checkpoints import require_free
    from engine.vqi2i import run

    settings = settings_of(home)
    out = own_folder(settings)
    require_free(out, name)
    print(f"{run.export(folder or settings.home / 'vqi2i', out, name, title or name, licence)} was written.")
