"""The commands for photos: translate them, and bring published translators into the studio."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.app import Home, Json, copied, open_studio, print_json
from engine.cli.waiting import finished, require_success
from engine.errors import NotFound, PhotoRefused, StudioError
from engine.files import read_plain
from engine.picture_files import PHOTO_SUFFIXES
from engine.safety.photos import MOST_BYTES
from engine.studio import Studio
from engine.translation.catalogue import NEURAL_STYLE, default_translator, own_folder
from engine.translation.request import MOST_PHOTOS, SOLVER_STEPS, SOLVERS, STRENGTH, STYLE_STEPS, PhotoRef, Translate

commands = typer.Typer()


@commands.command()
def animeify(
    photos: Annotated[list[Path], typer.Argument(help="PNG, JPEG, WebP or HEIC files, or folders of them.")],
    model: Annotated[str | None, typer.Option(help="Name of a translator; see `translators`.")] = None,
    solver: Annotated[str | None, typer.Option(help=f"Of neural ODEs: {', '.join(SOLVERS)}.")] = None,
    steps: Annotated[int | None, typer.Option(help=f"Steps of that solver, {SOLVER_STEPS}.")] = None,
    strength: Annotated[float, typer.Option(help="0 (the photo) to 1 (the translation).")] = STRENGTH.default,
    long_side: Annotated[int | None, typer.Option(help="Pixels; a larger photo is made smaller first.")] = None,
    style: Annotated[Path | None, typer.Option(help="The picture whose style neural-style takes.")] = None,
    style_steps: Annotated[int, typer.Option(help=f"Of neural style, {STYLE_STEPS}.")] = STYLE_STEPS.default,
    out: Annotated[Path | None, typer.Option(help="Also copy the pictures into this folder.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Turn photos into anime scenes; they are kept in the gallery like those of the page."""
    studio = open_studio(home)
    translator = model or default_translator(studio.translators()).name
    if steps is not None and solver is None:
        raise NotFound("Steps belong to a solver; none is named. Add --solver, such as --solver euler.")
    options: dict[str, Any] = {
        "translator": translator,
        "strength": strength,
        "long_side": long_side,
        "solver": solver,
        "solver_steps": SOLVER_STEPS.default if steps is None else steps,
        "style_steps": style_steps,
    }
    kept_style = _kept(studio, style) if style else None
    kept, refused = _all_kept(studio, _files(photos))
    for text in refused:
        typer.echo(text, err=True)
    for first in range(0, len(kept), MOST_PHOTOS):
        some = tuple(kept[first : first + MOST_PHOTOS])
        request = Translate(photos=some, style=kept_style, **options)
        job = finished(studio, studio.submit(request), quiet=as_json)
        for record in studio.gallery.of_job(job.id):
            path = copied(studio.gallery.path(record.id), out)
            facts = {"id": record.id, "photo": record.title, "path": str(path), "seconds": record.recipe.seconds}
            print_json({**facts, "width": record.width, "height": record.height}) if as_json else print(path)
        require_success(job, "job")
    if refused:
        raise StudioError(f"{len(refused)} of {len(kept) + len(refused)} files were no usable photos.")


@commands.command()
def translators(home: Home = None, as_json: Json = False) -> None:
    """List the translators with what their licences allow."""
    for info in open_studio(home).translators():
        if as_json:
            facts = ("name", "title", "architecture", "licence", "non_commercial", "problem")
            print_json({fact: getattr(info, fact) for fact in facts})
        else:
            state = f"  [{info.problem}]" if info.problem else ""
            print(f"{info.name:16} {info.title}  ({info.licence}){state}")


@commands.command()
def import_translator(
    file: Annotated[Path, typer.Argument(help="A published generator: .pth, .pt or .safetensors.")],
    name: Annotated[str | None, typer.Option(help="How to call it; made from the file's name when left out.")] = None,
    title: Annotated[str, typer.Option(help="For people.")] = "",
    licence: Annotated[str, typer.Option(help="Of the weights; what is known about their origin when left out.")] = "",
    home: Home = None,
) -> None:
    """Bring a published CUT, Scenimefy, CycleGAN, CartoonGAN or AnimeGANv2 generator into the studio."""
    from engine.translation.checkpoints import import_checkpoint  # here: imports torch

    settings = open_studio(home).settings
    info = import_checkpoint(file, own_folder(settings), name or file.stem.lower(), title=title, licence=licence)
    print(f"{info.name}: {info.title}, {info.architecture}. Licence: {info.licence}")


@commands.command()
def evaluate_translators(
    photos: Annotated[Path, typer.Argument(help="Folder of photos that no translator was trained on.")],
    illustrations: Annotated[Path, typer.Argument(help="Folder of style pictures that none was trained on.")],
    model: Annotated[list[str] | None, typer.Option(help="Name of a translator; may be given several times.")] = None,
    out: Annotated[Path | None, typer.Option(help="For figures and sheets; HOME/evaluation when left out.")] = None,
    home: Home = None,
) -> None:
    """Measure how near translations come to illustrations, and how much of the photos they keep."""
    from engine.device import choose
    from engine.translation.evaluation import Translation, evaluate, table  # here: imports torch
    from engine.translation.networks.ode import Solver
    from engine.translation.running import LoadedTranslator, Options

    studio = open_studio(home)
    known = {info.name: info for info in studio.translators() if not info.problem and info.name != NEURAL_STYLE}
    unknown = sorted(set(model or ()) - set(known))
    if unknown:
        raise NotFound(f"Translators must be among {', '.join(known)}; got {', '.join(unknown)}.")
    device = choose(studio.settings.device)
    loaded = [LoadedTranslator(known[name], device) for name in model or known]
    exact = Options(solver=Solver("dopri5"))
    chosen = [
        Translation(each.info.name, each, partial(each, options=exact) if each.solver else None) for each in loaded
    ]
    folder = out or studio.settings.home / "evaluation" / "translators"
    print(table(evaluate(photos, illustrations, chosen, folder)))


def _files(given: list[Path]) -> list[Path]:
    """The files, and those in the folders."""
    found = []
    for path in given:
        if path.is_dir():
            found += sorted(file for file in path.iterdir() if file.suffix.lower() in PHOTO_SUFFIXES)
        else:
            found.append(path)
    if not found:
        raise NotFound(f"There must be a photo; {', '.join(map(str, given))} holds none.")
    return found


def _all_kept(studio: Studio, files: list[Path]) -> tuple[list[PhotoRef], list[str]]:
    """The photos that can be used, and why the others cannot."""
    kept, refused = [], []
    for file in files:
        try:
            kept.append(_kept(studio, file))
        except (PhotoRefused, NotFound) as error:
            refused.append(str(error))
    return kept, refused


def _kept(studio: Studio, file: Path) -> PhotoRef:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise PhotoRefused(f"A photo's file may have {MOST_BYTES / 1e6:.0f} MB; {file.name} has more.")
        return studio.add_photo(read_plain(file, MOST_BYTES + 1), file.name)
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}. Check its place and its name.") from None
