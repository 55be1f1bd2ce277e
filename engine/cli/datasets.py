"""The commands for captioned pictures."""

from pathlib import Path
from typing import Annotated

import typer

from engine.datasets.captions import write_captions
from engine.datasets.pictures import open_picture
from engine.datasets.reading import read_dataset
from engine.rules import counted

commands = typer.Typer()


@commands.command()
def caption(
    folder: Annotated[Path, typer.Argument(help="Of pictures; captions.csv is written into it.")],
    everything: Annotated[bool, typer.Option("--all", help="Also pictures that have a caption already.")] = False,
    blip: Annotated[Path | None, typer.Option(help="Folder of the BLIP model; the hub's cache when left out.")] = None,
    download: Annotated[bool, typer.Option(help="Get the model from the hub where it is missing, about 1 GB.")] = False,
) -> None:
    """Caption pictures with BLIP (Salesforce/blip-image-captioning-base); correct them before training."""
    from engine.datasets.blip import load_captioner

    dataset = read_dataset(folder)
    chosen = [picture for picture in dataset.pictures if everything or not picture.caption.strip()]
    captioner = load_captioner(blip, allow_download=download)
    found = {picture.path: picture.caption for picture in dataset.pictures}
    for done, picture in enumerate(chosen, 1):
        found[picture.path] = captioner.caption(open_picture(picture.path))
        typer.echo(f"{done}/{len(chosen)} {picture.path.name}: {found[picture.path]}", err=True)
    print(f"{counted(len(chosen), 'caption was', 'captions were')} made; all are in {write_captions(folder, found)}.")
