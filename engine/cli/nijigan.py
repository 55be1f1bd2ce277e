"""The commands that train NijiGAN and bring it into the studio."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.app import Home, Json, json_settings, open_studio, print_json, settings_of
from engine.errors import InvalidRequest, NotFound, Problem

commands = typer.Typer()


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
    folder: Annotated[Path | None, typer.Option(help="Of the run; HOME/nijigan when left out.")] = None,
    preset: Annotated[str, typer.Option(help="t4 (as published) or cpu (small).")] = "cpu",
    config: Annotated[Path | None, typer.Option(help="JSON with settings that differ from the preset.")] = None,
    begin_from: Annotated[
        Path | None,
        typer.Option(help="Folder of a run, or a translator's .safetensors file, to begin with; widened where needed."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="With one thread each; as many as there are cores.")] = 2,
    teacher: Annotated[
        str | None,
        typer.Option(help="Make --pairs of --photos, and --held-out of --held-out-photos, by this translator first."),
    ] = None,
    held_out_photos: Annotated[
        Path | None, typer.Option(help="With --teacher: folder of photos that are never trained on.")
    ] = None,
    home: Home = None,
) -> None:
    """Train NijiGAN; a run that was stopped goes on where it was."""
    from engine.nijigan import run  # here: imports torch

    if (teacher is None) != (held_out_photos is None):
        raise NotFound("A teacher needs photos that are held out, and they need one: --teacher with --held-out-photos.")
    if teacher and held_out_photos:
        from engine.nijigan.teaching import teach

        teach(settings_of(home), held_out_photos, held_out, teacher, tell=print)
        teach(settings_of(home), photos, pairs, teacher, tell=print)
    run.start(
        run.Folders(pairs, photos, tuple(styles), held_out),
        folder or settings_of(home).home / "nijigan",
        run.configured(preset, json_settings(config)),
        processes,
        begin_from,
    )


@commands.command()
def ablate_nijigan(
    pairs: Annotated[Path, typer.Option(help="Folder with X_p and Y_p, such as `pseudo-pairs` makes.")],
    photos: Annotated[Path, typer.Option(help="Folder of unpaired photos, X.")],
    styles: Annotated[list[Path], typer.Option(help="Folder of style pictures, Y; may be given several times.")],
    held_out: Annotated[Path, typer.Option(help="Folder with X_p and Y_p that are never trained on.")],
    folder: Annotated[Path | None, typer.Option(help="Of the four runs; HOME/ablation when left out.")] = None,
    preset: Annotated[str, typer.Option(help="t4 (as published, for a GPU) or cpu (small).")] = "cpu",
    config: Annotated[Path | None, typer.Option(help="JSON with settings that differ from the preset.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="With one thread each; as many as there are cores.")] = 2,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Train four variants from one seed and data order (VGG loss 0.15, none, ResNet, full) and compare them.

    What was stopped goes on with the same command.
    """
    from engine.nijigan import ablation, run  # here: imports torch

    place = folder or settings_of(home).home / "ablation"
    folders = run.Folders(pairs, photos, tuple(styles), held_out)
    settings = run.configured(preset, json_settings(config))
    found = ablation.ablate(folders, place, settings, processes, lambda text: typer.echo(text, err=True))
    if as_json:
        print_json(found)
        return
    print(f"N = {found['n']} held-out pairs, M = {found['m']} style pictures, {found['steps']} steps each")
    print(ablation.table(found))
    for text in found["notes"]:
        print(f"\n{text}")
    print(f"\nSheet and files: {place}")


@commands.command()
def evaluate_pairs(
    model: Annotated[str, typer.Argument(help="Name of a NijiGAN or CUT translator; see `translators`.")],
    pairs: Annotated[Path, typer.Argument(help="Folder with X_p and Y_p that it was not trained on.")],
    out: Annotated[
        Path | None, typer.Option(help="For the pictures and pairs.json; HOME/evaluation/pairs when left out.")
    ] = None,
    side: Annotated[int, typer.Option(min=0, help="Pixels of the short side; 0 leaves pictures as they are.")] = 256,
    home: Home = None,
) -> None:
    """Translate held-out photos and say how near they come to their pseudo ground truth: MSE and PSNR."""
    from engine.nijigan.evaluation import evaluate  # here: imports torch
    from engine.nijigan.run import paired
    from engine.translation.catalogue import translator
    from engine.translation.checkpoints import load_translator
    from engine.translation.networks.generator import Generator

    settings = open_studio(home).settings
    out = out or settings.home / "evaluation" / "pairs"
    generator = load_translator(translator(settings, model))
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
    colours: Annotated[
        float, typer.Option(help="With --refine: share of the photo's own colours of large areas that is kept, 0 to 1.")
    ] = 0.0,
) -> None:
    """Write the trained generator as a translator, in float16."""
    from engine.nijigan import run
    from engine.translation.guided import Refinement

    if share is not None and mix is None:
        raise InvalidRequest(
            [Problem("share", f"A share is of a mean with --mix RUN; got {share:g} and no other run.")]
        )
    if colours and not refine:
        text = f"Colours are kept by the filter that --refine adds; got {colours:g} without it."
        raise InvalidRequest([Problem("colours", text)])
    part = run.Part(mix, 0.5 if share is None else share) if mix else None
    path = run.export(folder, out, title, licence, source, part, Refinement(colours=colours) if refine else None)
    print(f"{path} was written.")
