"""The gallery's commands."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import mending
from engine.cli import filters, marks
from engine.cli.app import Home, Json, open_studio, print_json, settings_of
from engine.cli.exporting import Beside, Format, RecipeList, these, to_folder, to_sheet, to_zip
from engine.cli.filters import Search
from engine.errors import StudioError
from engine.mending import Replaced, Settled
from engine.rules import counted
from engine.settings import Settings
from engine.studio import Studio
from engine.weights.licensing.licences import UNKNOWN
from gallery.exporting.archive import Wanted
from gallery.exporting.names import DEFAULT, NamePattern
from gallery.maintenance import SETTLE_SECONDS, SweepReport
from gallery.marks import tag_of
from gallery.mending import backups
from gallery.questions.query import Query
from gallery.recipe import Recipe
from gallery.records import ImageRecord
from gallery.store import Gallery

commands = typer.Typer(help="List, export and check what was made.", no_args_is_help=True, rich_markup_mode=None)


NONE: list[str] = []
PAGE = 200


@commands.command("list")
def list_images(
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 20,
    search: Search = "",
    kinds: filters.Kinds = NONE,
    models: filters.Models = NONE,
    loras: filters.Loras = NONE,
    samplers: filters.Samplers = NONE,
    sizes: filters.Sizes = NONE,
    tags: filters.Tags = NONE,
    colours: filters.Colours = NONE,
    commercial_use: filters.Commercial = False,
    since: filters.Since = None,
    until: filters.Until = None,
    seed: filters.Seed = None,
    favourite: filters.Favourite = False,
    rating: filters.Rating = 0,
    board: filters.Board = "",
    parent: filters.Parent = None,
    trash: filters.Trash = False,
    sort: filters.Order = filters.Sort.newest,
    fold: filters.Fold = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List the images, newest first. Of LoRAs, tags and colours each must be there, of other filters one."""
    store = open_studio(home).gallery
    query = Query(
        words=search,
        kinds=tuple(kinds),
        models=tuple(models),
        loras=tuple(loras),
        samplers=tuple(samplers),
        sizes=tuple(sizes),
        tags=tuple(map(tag_of, tags)),
        colours=filters.colours(colours),
        commercial_use=commercial_use,
        made_from=filters.midnight(since),
        made_before=filters.midnight(until, days=1),
        seed=seed,
        favourite=favourite,
        rating=rating,
        board=marks.board_called(store.database, board) if board else None,
        parent=parent,
        trash=trash,
        sort=sort.value,
        fold=fold,
    )
    for record in _records(store, query, limit):
        facts = _facts(store, record)
        if as_json:
            print_json(facts)
        else:
            size, words = f"{record.width}x{record.height}", " ".join(record.title.split())
            words += "  (its recipe cannot be read; `gallery check --rebuild` repairs that)" * record.unreadable
            print(f"{record.id}  {facts['created_at']}  {size:9}  {record.model}  {words}")


commands.command("mark")(marks.mark)
commands.command("boards")(marks.list_boards)


@commands.command()
def export(
    folder: Annotated[Path | None, typer.Argument(help="Where to copy them; made when it is missing.")] = None,
    search: Search = "",
    image_ids: Annotated[list[str] | None, typer.Option("--id", help="These images only; may be repeated.")] = None,
    zip_file: Annotated[Path | None, typer.Option("--zip", help="Write a ZIP file of them with their recipes.")] = None,
    sheet: Annotated[
        Path | None, typer.Option("--contact-sheet", help="Write a contact sheet, a .pdf or .png file.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="All carry the recipe.")] = Format.png,
    quality: Annotated[int, typer.Option(min=1, max=95, help="Of JPG and WebP files.")] = 92,
    pattern: Annotated[
        str | None, typer.Option(help="Of file names, such as {date}_{title}_{seed}; {id} in a folder when left out.")
    ] = None,
    recipes: Annotated[RecipeList, typer.Option(help="How the recipes in a ZIP file are written.")] = RecipeList.csv,
    comfyui: Annotated[
        bool, typer.Option("--comfyui", help="Beside each drawing in the folder a workflow for ComfyUI.")
    ] = False,
    sign: Annotated[
        bool, typer.Option("--sign", help="The files in the folder with a C2PA manifest; see docs/marks.md.")
    ] = False,
    home: Home = None,
) -> None:
    """Copy the images, all or those of a search, with their recipes: into a folder, a ZIP file, a contact sheet."""
    if folder is None and zip_file is None and sheet is None:
        raise StudioError("Nothing says where to export to. Name a folder, or --zip FILE, or --contact-sheet FILE.")
    if folder is None and (comfyui or sign):
        raise StudioError("Workflows and signatures are written into a folder, and none is named. Name one.")
    if image_ids and search:
        raise StudioError("An export is of a search or of images by --id, not of both. Leave one out.")
    names = pattern if pattern is not None else DEFAULT if folder is None else "{id}"
    wanted = Wanted(form=form.value, quality=quality, pattern=NamePattern(names), recipes=recipes.value)
    studio = open_studio(home)
    store = studio.gallery

    def records() -> Iterator[ImageRecord]:
        return these(store, image_ids) if image_ids else _records(store, Query(words=search))

    if folder is not None:
        to_folder(store, records, partial(_facts, store), folder, wanted, Beside(studio, workflow=comfyui, sign=sign))
    if zip_file is not None:
        to_zip(store, records, zip_file, wanted)
    if sheet is not None:
        to_sheet(store, records, sheet)


@commands.command()
def check(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Repair: a damaged database, unreadable rows, files without a row.")
    ] = False,
    set_aside: Annotated[
        bool, typer.Option("--set-aside", help="--rebuild, then move what it cannot take in to a folder of its own.")
    ] = False,
    home: Home = None,
) -> None:
    """Compare the image files with the database; no picture is ever dropped."""
    if rebuild or set_aside:
        store = _repaired(settings_of(home))
        if set_aside:
            _say_set_aside(store.set_aside_unlisted())
        _say_swept(store.sweep(settle_seconds=0))
    else:
        _say_swept(open_studio(home).gallery.sweep(settle_seconds=SETTLE_SECONDS))


def _repaired(settings: Settings) -> Gallery:
    done = mending.begin_anew(settings)
    _say_replaced(done)
    store = Studio(settings).gallery
    settled = mending.settle(store.database, settings.home, done)
    renewed = store.renew()
    print(f"{counted(store.rebuild(settle_seconds=0), 'image was', 'images were')} taken into the gallery.")
    if renewed:
        print(f"Rows put right that could not be read or did not fit their files: {renewed}.")
    _say_settled(settled)
    return store


def _say_settled(settled: Settled) -> None:
    if settled.jobs:
        jobs = counted(settled.jobs, "job was", "jobs were")
        print(f"{jobs} taken back from the snapshots.")
        print("What had not ended there is cancelled, so that nothing begins by itself; ask for it again in the queue.")
    if settled.deleted:
        images = counted(settled.deleted, "image of the snapshot was", "images of the snapshot were")
        print(f"{images} deleted for good after it and did not come back.")


def _say_set_aside(moved: list[Path]) -> None:
    if moved:
        files = counted(len(moved), "file that cannot be taken in is", "files that cannot be taken in are")
        print(f"{files} now in {moved[0].parent}: {', '.join(path.name for path in moved)}")
    else:
        age = f"older than {SETTLE_SECONDS:.0f} seconds"  # a younger one may be on its way into the gallery
        print(f"There is no picture file {age} that cannot be taken in; nothing was moved.")


@commands.command()
def restore(
    name: Annotated[str | None, typer.Argument(help="Of a snapshot, or `latest`; lists them when left out.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List the snapshots of the database, or put one back; the present one is set aside first."""
    settings = settings_of(home)
    if name is None:
        _list_snapshots(settings, as_json)
        return
    done = mending.put_back(settings, name)
    _say_replaced(done)
    store = Studio(settings).gallery
    _say_settled(mending.settle(store.database, settings.home, done))
    taken = counted(store.rebuild(settle_seconds=0), "image that was", "images that were")
    print(f"{taken} made after it went into the gallery.")
    _say_swept(store.sweep(settle_seconds=0))


def _list_snapshots(settings: Settings, as_json: bool) -> None:
    file = mending.database_file(settings)
    found = backups.snapshots(file) if file else []
    for snapshot in found:
        moment = snapshot.made_at.isoformat(timespec="seconds")
        if as_json:
            facts = {"name": snapshot.name, "made_at": moment, "reason": snapshot.reason, "path": str(snapshot.path)}
            print_json({**facts, "images": snapshot.images, "jobs": snapshot.jobs})
        elif snapshot.images < 0:
            print(f"{snapshot.name}  {moment}  cannot be read")
        else:
            print(f"{snapshot.name}  {moment}  {counted(snapshot.images, 'image')}, {counted(snapshot.jobs, 'job')}")
    if not found and not as_json:
        print("There are no snapshots yet; the studio makes one at each start and every day.")


def _say_replaced(done: Replaced | None) -> None:
    if done is None:
        return
    if done.fault:
        print(f"The database {done.file} {done.fault}.")
    if done.aside:
        print(f"What was there is kept as {done.aside}.")
    if done.base:
        rows = f"{counted(done.base.images, 'image')} and {counted(done.base.jobs, 'job')}"
        print(f"The database begins with the snapshot {done.base.name}: {rows}.")
    else:
        print("The database begins empty; there is no sound snapshot. Jobs and what was in the trash are not in files.")


def _say_swept(report: SweepReport) -> None:
    print(f"{counted(report.images, 'image was', 'images were')} compared with their files.")
    found = {
        ("file", "without a row (--rebuild takes in those with a recipe, --set-aside moves the rest)"): report.orphans,
        ("image", "whose file is gone"): report.missing,
        ("image", "whose file has another size than was saved"): report.wrong_size,
        ("leftover", "removed"): report.removed,
    }
    for (what, which), names in found.items():
        if names:
            print(f"{counted(len(names), what)} {which}: {', '.join(map(str, names))}")
    if report.unreadable:
        images, ids = counted(len(report.unreadable), "image"), ", ".join(report.unreadable)
        print(f"{images} whose row cannot be read (--rebuild reads it again from the file): {ids}")
    if report.index_rebuilt:
        print("The search index differed from the images and was built anew.")


def _records(store: Gallery, query: Query, limit: int | None = None) -> Iterator[ImageRecord]:
    """The images in the order of the query, read page by page; None means all."""
    last, left = None, limit
    while left is None or left > 0:
        page = store.page(query, limit=min(PAGE, left or PAGE), older_than=last)
        yield from page.images
        if not page.has_older:
            return
        last = page.images[-1].id
        left = None if left is None else left - len(page.images)


def _facts(store: Gallery, record: ImageRecord) -> dict[str, Any]:
    path = store.files.locate(record.id)
    return {
        **record.facts(),
        "path": str(path) if path else None,
        "licence": _licences(record.recipe),
        "commercial_use": record.commercial_use,
        "sampler": record.sampler,
        "favourite": record.favourite,
        "rating": record.rating,
        "tags": list(record.tags),
        "colours": list(record.colours),
        "unreadable": record.unreadable,
    }


def _licences(recipe: Recipe) -> list[str]:
    """Of the model and the LoRAs, as the recipe has them."""
    return [str(facts.get("licence") or UNKNOWN) for facts in (recipe.model, *recipe.loras) if facts]
