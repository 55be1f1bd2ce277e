"""The commands for photos: translate them, and bring published translators into the studio."""

import re
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.app import Home, Json, copied, open_studio, print_json
from engine.cli.kept import kept_file
from engine.cli.waiting import finished, require_success
from engine.errors import NotFound, PhotoRefused, StudioError
from engine.kept_photos import PhotoRef
from engine.picture_files import PHOTO_SUFFIXES
from engine.studio import Studio
from engine.translation import pace
from engine.translation.admission import estimate_here
from engine.translation.catalogue import NEURAL_STYLE, Translator, own_folder, read_sidecar
from engine.translation.painting import AS_PAINTED, COLOUR, DETAIL, LIGHT, LINE, MOODS, Painting
from engine.translation.request import (
    BACKENDS,
    DEFAULT_TRANSLATOR,
    MOST_PHOTOS,
    SOLVER_STEPS,
    STRENGTH,
    STYLE_STEPS,
    Translate,
)
from engine.translation.solver_names import SOLVERS

commands = typer.Typer()


@commands.command()
def animeify(
    photos: Annotated[list[Path], typer.Argument(help="PNG, JPEG, WebP or HEIC files, or folders of them.")],
    model: Annotated[str, typer.Option(help="Name of a translator; see `translators`.")] = DEFAULT_TRANSLATOR,
    solver: Annotated[str | None, typer.Option(help=f"Of neural ODEs: {', '.join(SOLVERS)}.")] = None,
    steps: Annotated[int | None, typer.Option(help=f"Steps of that solver, {SOLVER_STEPS}.")] = None,
    strength: Annotated[float, typer.Option(help="0 (the photo) to 1 (the translation).")] = STRENGTH.default,
    long_side: Annotated[int | None, typer.Option(help="Pixels; a larger photo is made smaller first.")] = None,
    style: Annotated[
        Path | None,
        typer.Option(help="The picture whose style is taken, by neural-style and by translators of VQ-I2I."),
    ] = None,
    style_steps: Annotated[
        int | None, typer.Option(help=f"Of neural style, {STYLE_STEPS}; fewer on a CPU when left out.")
    ] = None,
    mood: Annotated[str, typer.Option(help=f"Of the painter: {', '.join(MOODS)}.")] = AS_PAINTED.mood,
    detail: Annotated[float, typer.Option(help=f"Of the painter's brush, {DETAIL}.")] = AS_PAINTED.detail,
    light: Annotated[float, typer.Option(help=f"Of the painter: warm light, cool shadow, {LIGHT}.")] = AS_PAINTED.light,
    line: Annotated[float, typer.Option(help=f"Of the painter: lines where objects meet, {LINE}.")] = AS_PAINTED.line,
    colour: Annotated[float, typer.Option(help=f"Of the painter: richness, {COLOUR}.")] = AS_PAINTED.colour,
    backend: Annotated[
        str | None,
        typer.Option(
            help=f"What computes a generator: {', '.join(BACKENDS)}; openvino is quicker on a processor, and "
            "taken there when this is left out, unless STUDIO_BACKEND says torch."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also copy the pictures into this folder.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Turn photos into anime scenes; they are kept in the gallery like those of the page."""
    studio = open_studio(home)
    if steps is not None and solver is None:
        raise NotFound("Steps belong to a solver; none is named. Add --solver, such as --solver euler.")
    options: dict[str, Any] = {
        "translator": model,
        "strength": strength,
        **style_values(studio, model, style_steps, long_side),
        "solver": solver,
        "solver_steps": SOLVER_STEPS.default if steps is None else steps,
        "painting": Painting(mood=mood, detail=detail, light=light, line=line, colour=colour),
        "backend": backend,
    }
    options["style"] = kept_file(studio, style) if style else None
    translated(studio, photos, options, out, as_json)


def translated(studio: Studio, photos: list[Path], options: dict[str, Any], out: Path | None, as_json: bool) -> None:
    """Translate photos, as many in one job as go into it, and tell each picture.

    Args:
        options: the fields of `Translate` beside the photos.
        out: also gets copies.

    Raises:
        StudioError: some files could not be used, or a job failed.
    """
    kept, refused = _all_kept(studio, _files(photos))
    for text in refused:
        typer.echo(text, err=True)
    if kept and not as_json and (about := _about(studio, options["translator"], kept, options)):
        typer.echo(about, err=True)
    for first in range(0, len(kept), MOST_PHOTOS):
        some = tuple(kept[first : first + MOST_PHOTOS])
        request = studio.request(Translate.kind, {"photos": some, **options})
        job = finished(studio, studio.submit(request), quiet=as_json)
        for record in studio.gallery.of_job(job.id):
            path = copied(studio.gallery.path(record.id), out)
            facts = {"id": record.id, "photo": record.title, "path": str(path), "seconds": record.recipe.seconds}
            print_json({**facts, "width": record.width, "height": record.height}) if as_json else print(path)
        require_success(job, "job")
    if refused:
        raise StudioError(f"{len(refused)} of {len(kept) + len(refused)} files could not be used as photos.")


@commands.command()
def translators(home: Home = None, as_json: Json = False) -> None:
    """List the translators with what they do, how long they take here, and what their licences allow."""
    studio = open_studio(home)
    for info in studio.translators():
        steps, side = pace.style_defaults(studio.engine().accelerated)
        found = _estimate(studio, info, [pace.EXAMPLE], pace.Asked(side if info.name == NEURAL_STYLE else None, steps))
        if as_json:
            facts = ("name", "title", "architecture", "does", "licence", "non_commercial", "problem")
            takes = {"seconds": round(found.seconds, 1), "measured_here": found.here} if found else None
            print_json({fact: getattr(info, fact) for fact in facts} | {"takes": takes, "takes_for": pace.EXAMPLE})
        else:
            state = f"  [{info.problem}]" if info.problem else ""
            print(f"{info.name:16} {info.title}  ({info.licence}){state}")
            print(f"{'':16} {info.does} {pace.in_words(found, pace.EXAMPLE_WORDS)}".rstrip())


@commands.command()
def import_translator(
    file: Annotated[
        Path, typer.Argument(help="A generator's weights: .pth, .pt, .ckpt, .bin, .pth.tar, .safetensors.")
    ],
    name: Annotated[str | None, typer.Option(help="How to call it; made from the file's name when left out.")] = None,
    title: Annotated[str, typer.Option(help="For people.")] = "",
    licence: Annotated[str, typer.Option(help="Of the weights; what is known about their origin when left out.")] = "",
    generator: Annotated[str, typer.Option(help="Which one, where the file holds several, such as netG_A2B.")] = "",
    align_corners: Annotated[
        bool | None, typer.Option(help="How AnimeGANv2 enlarges features; the authors' test program does not align.")
    ] = None,
    home: Home = None,
) -> None:
    """Bring a published CUT, Scenimefy, CycleGAN, CartoonGAN or AnimeGANv2 generator into the studio."""
    from engine.translation.checkpoints import import_checkpoint  # here: imports torch

    info = import_checkpoint(
        file,
        own_folder(open_studio(home).settings),
        name or _name_of(file),
        title=title,
        licence=licence,
        generator=generator,
        align_corners=align_corners,
    )
    print(f"{info.name}: {info.title}, {info.architecture}. Licence: {info.licence}")
    if info.path:
        sidecar = read_sidecar(info.path)
        print(f"Taken from {sidecar.source}; {', '.join(f'{key} {value}' for key, value in sidecar.settings.items())}")


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
    known = {info.name: info for info in studio.translators() if not info.problem and not info.takes_style}
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


def style_values(studio: Studio, model: str, steps: int | None, long_side: int | None) -> dict[str, int | None]:
    """How long and how large neural style works; what was left out is what this machine can bear."""
    usual_steps, usual_side = pace.style_defaults(studio.engine().accelerated)
    if model != NEURAL_STYLE:
        return {"style_steps": steps or STYLE_STEPS.default, "long_side": long_side}
    return {"style_steps": steps or usual_steps, "long_side": long_side or usual_side}


def _about(studio: Studio, model: str, photos: list[PhotoRef], options: dict[str, Any]) -> str:
    info = next((known for known in studio.translators() if known.name == model), None)
    if info is None:
        return ""
    sizes = [size for size in (pace.size_of_photo(studio.photos.path(photo.id)) for photo in photos) if size]
    decide = ("long_side", "style_steps", "solver", "solver_steps", "backend")
    asked = pace.Asked(**{name: options[name] for name in decide if name in options})
    return pace.in_words(_estimate(studio, info, sizes, asked), pace.counted(len(sizes)))


def _estimate(studio: Studio, info: Translator, sizes: list[pace.Size], asked: pace.Asked) -> pace.Estimate | None:
    jobs = studio.jobs(kind=Translate.kind, limit=50)
    return estimate_here(info, sizes, asked, studio.settings, studio.engine(), jobs, studio.gallery)


def _name_of(file: Path) -> str:
    """A translator's name from a file's, without its endings."""
    bare = re.sub(r"(\.(pth|pt|ckpt|bin|tar|safetensors))+$", "", file.name.lower())
    return re.sub(r"[^\w.+-]+", "-", bare).strip("-.+")[:64]


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
            kept.append(kept_file(studio, file))
        except (PhotoRefused, NotFound) as error:
            refused.append(str(error))
    return kept, refused
