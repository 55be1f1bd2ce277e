"""The commands that train networks to explore."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.betavae.config import PRESETS as VAE_PRESETS
from engine.cli.app import Home, settings_of
from engine.errors import InvalidRequest, NotFound, StudioError
from engine.explorers.families import config_of
from engine.gan.config import PRESETS as GAN_PRESETS
from engine.gan.config import SCALES
from engine.latent.catalogue import BETA_VAE, GAN, own_folder
from engine.latent.preparing import run_of
from engine.latent.runs import name_problems, read_run, runs_folder
from engine.training.config import configured

commands = typer.Typer()

Pictures = Annotated[Path, typer.Argument(help="Folder of pictures; those in folders below it too.")]
Name = Annotated[str, typer.Option(help="Of the network, as Explore lists it.")]
RunFolder = Annotated[Path | None, typer.Option("--run", help="Folder of the run; by the name when left out.")]
Changes = Annotated[Path | None, typer.Option(help="JSON with settings that differ from the preset.")]
Steps = Annotated[int | None, typer.Option(help="As the preset says when left out.")]
Seed = Annotated[int | None, typer.Option(help="Of everything random; as the preset says when left out.")]
OnDevice = Annotated[str, typer.Option(help="cuda or cpu; what there is when left out.")]
Licence = Annotated[str, typer.Option(help="Of the weights.")]


@commands.command()
def train_vae(
    pictures: Pictures,
    name: Name = "vae",
    run: RunFolder = None,
    preset: Annotated[str, typer.Option(help=f"One of {', '.join(VAE_PRESETS)}.")] = "cpu",
    config: Changes = None,
    steps: Steps = None,
    seed: Seed = None,
    device: OnDevice = "",
    licence: Licence = "licence unknown",
    home: Home = None,
) -> None:
    """Train a beta-VAE on a folder of pictures; a run that was stopped goes on where it was."""
    from engine.betavae.run import FAMILY  # here: imports torch

    settings = configured(VAE_PRESETS, preset, _changes(config, steps=steps, seed=seed))
    print(f"Effective beta {settings.effective_beta:.4g}; 1 is the plain VAE.", flush=True)
    _train(BETA_VAE, FAMILY, settings, pictures, name, run, device, licence, home)


@commands.command()
def train_gan(
    pictures: Pictures,
    name: Name = "gan",
    run: RunFolder = None,
    preset: Annotated[str, typer.Option(help=f"One of {', '.join(GAN_PRESETS)}.")] = "cpu",
    config: Changes = None,
    steps: Steps = None,
    seed: Seed = None,
    scales: Annotated[str | None, typer.Option(help=f"{', '.join(SCALES)}: at one size, growing, or all.")] = None,
    first_side: Annotated[int | None, typer.Option(help="Pixels where growing begins.")] = None,
    fade_pictures: Annotated[int | None, typer.Option(help="Over which a block fades in; 0: even shares.")] = None,
    device: OnDevice = "",
    licence: Licence = "licence unknown",
    home: Home = None,
) -> None:
    """Train a GAN on a folder of pictures; a run that was stopped goes on where it was."""
    from engine.gan.run import FAMILY  # here: imports torch

    sizes = {"scales": scales, "first_side": first_side, "fade_pictures": fade_pictures}
    settings = configured(GAN_PRESETS, preset, _changes(config, steps=steps, seed=seed, **sizes))
    _train(GAN, FAMILY, settings, pictures, name, run, device, licence, home)


@commands.command()
def evaluate_vae(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs of `train-vae`; several stand side by side.")],
    out: Annotated[
        Path | None, typer.Option(help="For report.json and sheets; HOME/evaluation/vae by default.")
    ] = None,
    samples: Annotated[int, typer.Option(min=0, help="For the distance to the pictures; 0 leaves it out.")] = 2400,
    home: Home = None,
) -> None:
    """Measure what a beta-VAE has learnt: reconstructions, samples, living latents and factors."""
    from engine.betavae.evaluation import Trained, evaluate, in_words  # here: imports torch
    from engine.metrics.networks import load_networks

    chosen = []
    for folder in runs:
        run = read_run(folder)
        if run.family != BETA_VAE:
            raise NotFound(f"{folder} is a run of another family, {run.family}. Give one of train-vae.")
        chosen.append(Trained(folder, config_of(run), Path(run.dataset)))
    extractor = None
    if samples:
        try:
            extractor = load_networks().extractors[0]
        except StudioError as error:
            print(f"The samples are not measured. {error}")
    place = out or settings_of(home).home / "evaluation" / "vae"
    for line in in_words(evaluate(chosen, place, extractor, samples, print)):
        print(line)
    print(f"Report and sheets: {place}")


def _train(
    family: str,
    how: Any,
    config: Any,
    pictures: Path,
    name: str,
    run: Path | None,
    device: str,
    licence: str,
    home: Path | None,
) -> None:
    from engine.device import choose  # here: imports torch
    from engine.latent.running import start

    if problems := name_problems(name):
        raise InvalidRequest(problems)
    settings = settings_of(home)
    folder = run or runs_folder(settings) / name
    asked = run_of(family, name, str(pictures.expanduser().absolute()), config, licence)
    chosen = choose(device or settings.device)
    out, device = own_folder(settings), chosen.torch_device
    made = start(folder, asked, config, how, out=out, device=device, quiet=False, tell=print)
    if made:
        print(f"{made} can be explored; its losses and samples are in {folder}.")


def _changes(file: Path | None, **given: int | str | None) -> dict[str, Any]:
    return _read(file) | {name: value for name, value in given.items() if value is not None}


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        values = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise NotFound(f"{file} must be a JSON file of settings: {error}. Correct it.") from None
    if not isinstance(values, dict):
        raise NotFound(f"{file} must hold one JSON object; got a {type(values).__name__}. Correct it.")
    return values
