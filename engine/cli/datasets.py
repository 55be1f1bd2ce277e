"""The commands for captioned pictures."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from engine.captioning.request import CaptionPictures
from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.waiting import done
from engine.datasets.caption_edits import History, Replace, edited
from engine.datasets.captions import DEFAULT_RULES, read_rules
from engine.datasets.index import relative_name
from engine.datasets.pictures import CaptionedPicture
from engine.datasets.reading import Dataset, read_dataset
from engine.errors import StudioError
from engine.measuring.request import FetchNetwork
from engine.metrics.published.catalogue import captioner
from engine.rules import counted

commands = typer.Typer()
Folder = Annotated[Path, typer.Argument(help="Of pictures; captions.csv is written into it.")]
Rules = Annotated[Path | None, typer.Option(help="TOML file of rules; their sentences are added to captions.")]


@commands.command()
def caption(
    folder: Folder,
    everything: Annotated[bool, typer.Option("--all", help="Also pictures that have a caption already.")] = False,
    rules: Rules = None,
    blip: Annotated[Path | None, typer.Option(help="Folder of the BLIP model, where it lies elsewhere.")] = None,
    download: Annotated[bool, typer.Option(help="Get the model where it is missing, about 1 GB.")] = False,
    home: Home = None,
) -> None:
    """Caption pictures with BLIP (Salesforce/blip-image-captioning-base); `edit-captions --undo` is the way back."""
    from engine.captioning.blip import load_captioner  # here: torch
    from engine.captioning.writing import write_for

    studio = open_studio(home)
    place = str(rules.absolute()) if rules else ""
    request = CaptionPictures(folder=str(folder.absolute()), everything=everything, rules=place)
    if rules:
        read_rules(rules)  # before a download and a model that is read
    if download and not blip and not captioner().available:
        done(studio, FetchNetwork(network="blip"), "download")
    model = load_captioner(blip)
    with TemporaryDirectory() as own:  # a command beside this one writes captions of another folder
        written = write_for(request, model, studio.settings.home, Path(own) / "captions.json", report=_say)
    for words in written.refused:
        typer.echo(words, err=True)
    print(f"{counted(written.captions, 'caption was', 'captions were')} written into {folder}.")


def _say(stage: str, step: int, steps: int) -> None:
    typer.echo(f"{step}/{steps} {stage}", err=True)


@commands.command()
def edit_captions(
    folder: Folder,
    find: Annotated[str, typer.Option(help="Words to look for in every caption.")] = "",
    replace: Annotated[str, typer.Option(help="What stands in their place; nothing takes them out.")] = "",
    parts: Annotated[bool, typer.Option("--parts", help="Find them inside of longer words too.")] = False,
    match_case: Annotated[bool, typer.Option("--match-case", help="Capital letters make a difference.")] = False,
    rules: Rules = None,
    own_rules: Annotated[bool, typer.Option("--own-rules", help="The studio's own rules.")] = False,
    trigger: Annotated[str, typer.Option(help="Word in front of every caption.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Put back the captions of before the last change.")] = False,
    redo: Annotated[bool, typer.Option("--redo", help="Put back what --undo took away.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Change many captions at once: words replaced, sentences of rules added, a trigger word in front; with a way back.

    Each change is shown, and kept in the studio, where *Train* undoes it too.
    """
    change = bool(find or rules or own_rules or trigger.strip())
    _require_one(change, undo, redo, dry_run)
    if replace and not find:
        raise StudioError("--replace says what stands in the place of words; --find says which. Give both.")
    history = History(open_studio(home).settings.home, folder)
    dataset = read_dataset(folder)
    if undo or redo:
        (history.undo if undo else history.redo)(dataset.pictures)
        changes = _differing(dataset, read_dataset(folder))
    else:
        file = rules or (DEFAULT_RULES if own_rules else None)
        changes = edited(
            dataset.pictures,
            rules=read_rules(file) if file else (),
            replace=Replace(find, replace, not parts, match_case) if find else None,
            trigger=trigger,
        )
        if changes and not dry_run:
            history.apply(dataset.pictures, changes)
    _show(folder, dataset.pictures, changes, as_json)
    if not as_json:
        print(f"{counted(len(changes), 'caption')} {'would change' if dry_run else 'changed'} in {folder}.")


def _require_one(change: bool, undo: bool, redo: bool, dry_run: bool) -> None:
    if change + undo + redo != 1:
        raise StudioError(
            "Say one thing: a change (--find, --rules or --own-rules, --trigger, also together), --undo or --redo."
        )
    if dry_run and not change:
        raise StudioError("--dry-run shows what a change would do; --undo and --redo have none. Leave it out.")


def _differing(before: Dataset, now: Dataset) -> dict[Path, str]:
    known = {each.path: each.caption for each in before.pictures}
    return {each.path: each.caption for each in now.pictures if known.get(each.path) != each.caption}


def _show(folder: Path, pictures: tuple[CaptionedPicture, ...], changes: Mapping[Path, str], as_json: bool) -> None:
    for picture in pictures:
        if picture.path not in changes:
            continue
        name = relative_name(folder, picture.path)
        if as_json:
            print_json({"picture": name, "before": picture.caption, "after": changes[picture.path]})
        else:
            print(f"{name}\n  - {picture.caption}\n  + {changes[picture.path]}")
