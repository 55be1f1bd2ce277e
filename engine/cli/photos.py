"""The commands for photos: translate them, and bring published translators into the studio."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.app import Home, Json, copied, open_studio, print_json, require_success
from engine.cli.waiting import finished
from engine.errors import InvalidRequest, NotFound, PhotoRefused, Problem, StudioError
from engine.safety.photos import MOST_BYTES
from engine.studio import Studio
from engine.translation.catalogue import NEURAL_STYLE, default_translator, own_folder
from engine.translation.request import MOST_PHOTOS, SOLVERS, PhotoRef, Translate

commands = typer.Typer()

PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".heic", ".heif")


@commands.command()
def animeify(
    photos: Annotated[list[Path], typer.Argument(help="PNG, JPEG, WebP or HEIC files, or folders of them.")],
    model: Annotated[str | None, typer.Option(help="Name of a translator; see `translators`.")] = None,
    solver: Annotated[str | None, typer.Option(help=f"Of neural ODEs: {', '.join(SOLVERS)}.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of that solver, 1 to 64.")] = None,
    strength: Annotated[float, typer.Option(help="0 (the photo) to 1 (the translation).")] = 1.0,
    long_side: Annotated[int | None, typer.Option(help="Pixels; a larger photo is made smaller first.")] = None,
    style: Annotated[Path | None, typer.Option(help="The picture whose style neural-style takes.")] = None,
    style_steps: Annotated[int, typer.Option(help="Of neural style, 10 to 1000.")] = 150,
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
        "solver_steps": 1 if steps is None else steps,
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
            facts = {"id": record.id, "photo": record.prompt, "path": str(path), "seconds": record.recipe.seconds}
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


@commands.command()
def pseudo_pairs(
    photos: Annotated[Path, typer.Argument(help="Folder of photos.")],
    out: Annotated[Path, typer.Argument(help="Folder; X_p and Y_p are made in it.")],
    model: Annotated[str, typer.Option(help="The translator that makes the pseudo ground truth.")] = "classical",
    long_side: Annotated[int, typer.Option(help="Pixels; larger photos are made smaller.")] = 640,
    drop: Annotated[float, typer.Option(help="Share of the pairs, the worst, that is left out.")] = 0.1,
    smoothing: Annotated[float, typer.Option(help="0 to 1, of the classical translator.")] = 0.5,
    home: Home = None,
) -> None:
    """Make aligned pairs of photos and their translations to train NijiGAN with."""
    from engine.nijigan.pseudo_pairs import make_pairs  # here: imports torch
    from engine.translation.classical import Look

    settings, look = open_studio(home).settings, Look(smoothing=smoothing)
    report = make_pairs(settings, photos, out, model, look=look, long_side=long_side, drop=drop, tell=print)
    print(f"{report.kept} pairs are in {out}; {report.dropped} were left out, see {out / 'pairs.json'}.")


@commands.command()
def train_nijigan(
    pairs: Annotated[Path, typer.Option(help="Folder with X_p and Y_p, such as `pseudo-pairs` makes.")],
    photos: Annotated[Path, typer.Option(help="Folder of unpaired photos, X.")],
    styles: Annotated[list[Path], typer.Option(help="Folder of style pictures, Y; may be given several times.")],
    held_out: Annotated[Path, typer.Option(help="Folder with X_p and Y_p that are never trained on.")],
    folder: Annotated[Path, typer.Option(help="Of the run.")] = Path("studio-home/nijigan"),
    preset: Annotated[str, typer.Option(help="t4 (as published) or cpu (small).")] = "cpu",
    config: Annotated[Path | None, typer.Option(help="JSON with settings that differ from the preset.")] = None,
    begin_from: Annotated[
        Path | None,
        typer.Option(help="Folder of a run whose generator this one begins with, widened where needed."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="With one thread each; as many as there are cores.")] = 2,
) -> None:
    """Train NijiGAN; a run that was stopped goes on where it was."""
    from engine.nijigan import run

    run.start(
        run.Folders(pairs, photos, tuple(styles), held_out),
        folder,
        run.configured(preset, _settings(config)),
        processes,
        begin_from,
    )


@commands.command()
def evaluate_pairs(
    model: Annotated[str, typer.Argument(help="Name of a NijiGAN or CUT translator; see `translators`.")],
    pairs: Annotated[Path, typer.Argument(help="Folder with X_p and Y_p that it was not trained on.")],
    out: Annotated[Path, typer.Option(help="For the pictures and pairs.json.")] = Path("studio-home/evaluation/pairs"),
    side: Annotated[int, typer.Option(min=0, help="Pixels of the short side; 0 leaves pictures as they are.")] = 256,
    home: Home = None,
) -> None:
    """Translate held-out photos and say how near they come to their pseudo ground truth: MSE and PSNR."""
    from engine.nijigan.evaluation import evaluate  # here: imports torch
    from engine.nijigan.run import paired
    from engine.translation.catalogue import translator
    from engine.translation.checkpoints import load_translator
    from engine.translation.networks.generator import Generator

    generator = load_translator(translator(open_studio(home).settings, model))
    if not isinstance(generator, Generator):
        raise NotFound(f"Only NijiGAN and CUT translators can be compared with pairs; {model} is another kind.")
    found = evaluate(generator, paired(pairs, side), out)
    print(f"MSE {found['held_out/mse']:.5f}, PSNR {found['held_out/psnr']:.2f} dB; pictures: {out}")


@commands.command()
def export_nijigan(
    folder: Annotated[Path, typer.Argument(help="Of a training run.")],
    out: Annotated[Path, typer.Argument(help="Folder for model.safetensors and model.json.")],
    title: Annotated[str, typer.Option(help="For people.")] = "NijiGAN",
    licence: Annotated[str, typer.Option(help="Of the weights.")] = "licence unknown",
    source: Annotated[str, typer.Option(help="Where they come from; the steps when left out.")] = "",
    mix: Annotated[Path | None, typer.Option(help="Another run from the same start: write the mean of both.")] = None,
    share: Annotated[
        float | None, typer.Option(help="With --mix: the other run's share of that mean, 0 to 1; 0.5 when left out.")
    ] = None,
    refine: Annotated[bool, typer.Option(help="Bring its pictures back to the photo's own edges.")] = False,
) -> None:
    """Write the trained generator as a translator, in float16."""
    from engine.nijigan import run
    from engine.translation.guided import Refinement

    if share is not None and mix is None:
        raise InvalidRequest(
            [Problem("share", f"A share is of a mean with --mix RUN; got {share:g} and no other run.")]
        )
    part = run.Part(mix, 0.5 if share is None else share) if mix else None
    path = run.export(folder, out, title, licence, source, part, Refinement() if refine else None)
    print(f"{path} was written.")


def _settings(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        values = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise NotFound(f"{file} must be a JSON file of settings: {error}. Correct it.") from None
    if not isinstance(values, dict):
        raise NotFound(f"{file} must hold one JSON object; got a {type(values).__name__}. Correct it.")
    return values


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
        return studio.add_photo(file.read_bytes(), file.name)
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}. Check its place and its name.") from None
