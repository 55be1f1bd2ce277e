"""The commands that train CycleGAN, say how well it does, and bring it into the studio."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.app import Home, Json, json_settings, print_json, settings_of

commands = typer.Typer()

X = Annotated[Path, typer.Argument(help="Folder of pictures of one kind, such as photos.")]
Y = Annotated[Path, typer.Argument(help="Folder of pictures of the other kind; nothing has to belong together.")]
HeldOutX = Annotated[
    Path | None, typer.Option(help="Folder of pictures like X that are never trained on; else a tenth of X is.")
]
HeldOutY = Annotated[Path | None, typer.Option(help="The same for Y.")]
Run = Annotated[Path | None, typer.Option(help="Of the run; HOME/cyclegan when left out.")]


@commands.command()
def train_cyclegan(
    x: X,
    y: Y,
    folder: Run = None,
    preset: Annotated[str, typer.Option(help="paper (200 epochs), short (40), or cpu (small).")] = "cpu",
    epochs: Annotated[int | None, typer.Option(help="In place of the preset's; the last half of them decays.")] = None,
    identity: Annotated[float | None, typer.Option(help="Weight of the identity loss, a share of 10.")] = None,
    loss: Annotated[str | None, typer.Option(help="least_squares or log.")] = None,
    config: Annotated[Path | None, typer.Option(help="JSON with settings that differ from the preset.")] = None,
    held_out_x: HeldOutX = None,
    held_out_y: HeldOutY = None,
    processes: Annotated[int, typer.Option(min=1, help="With one thread each; as many as there are cores.")] = 2,
    home: Home = None,
) -> None:
    """Train two translators, X to Y and Y to X, that undo one another; a run that was stopped goes on where it was."""
    from engine.cyclegan import run  # here: imports torch
    from engine.cyclegan.config import PRESETS
    from engine.training.config import configured
    from engine.training.unpaired import Folders

    changes = json_settings(config)
    if epochs is not None:
        changes |= {"epochs": epochs, "decay_epochs": epochs // 2}
    changes |= {name: value for name, value in (("identity", identity), ("loss", loss)) if value is not None}
    folders = Folders(x, y, held_out_x, held_out_y)
    run.start(folders, _folder(folder, home), configured(PRESETS, preset, changes), processes)


@commands.command()
def evaluate_cyclegan(
    x: X,
    y: Y,
    folder: Run = None,
    out: Annotated[
        Path | None, typer.Option(help="For figures.json and the sheets; the run's folder evaluation when left out.")
    ] = None,
    held_out_x: HeldOutX = None,
    held_out_y: HeldOutY = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say how well held-out pictures come back, and how near they come to the other kind, beside untranslated ones."""
    from engine.cyclegan import run
    from engine.cyclegan.evaluation import evaluate
    from engine.metrics.networks import load_networks
    from engine.training.unpaired import Folders, prepare

    place = _folder(folder, home)
    translators, config = run.trained(place)
    data = prepare(Folders(x, y, held_out_x, held_out_y), config).data
    out = out or place / "evaluation"
    cycles, far = evaluate(translators, data, config.crop, load_networks().extractors, out)
    if as_json:
        print_json(cycles | {"distances": [vars(distance) for distance in far]})
        return
    for name, value in cycles.items():
        print(f"{name}: {value:.4f}")
    for distance in far:
        print(
            f"{distance.direction:5} {distance.measure}: {distance.before:.4g} untranslated, {distance.after:.4g} "
            f"translated, from {distance.pictures} pictures"
        )
    if not far:
        print("Distances need two held-out pictures or more of each kind.")
    print(f"Sheets: {out}")


@commands.command()
def export_cyclegan(
    name: Annotated[str, typer.Argument(help="Of the pair; the translators are NAME-there and NAME-back.")],
    folder: Run = None,
    out: Annotated[
        Path | None, typer.Option(help="For both translators; where Anime-ify finds them when left out.")
    ] = None,
    there: Annotated[str, typer.Option(help="Title of X to Y.")] = "",
    back: Annotated[str, typer.Option(help="Title of Y to X.")] = "",
    licence: Annotated[str, typer.Option(help="Of the weights.")] = "licence unknown",
    home: Home = None,
) -> None:
    """Write both trained generators as translators, in float16."""
    from engine.cyclegan import run
    from engine.translation.catalogue import own_folder
    from engine.translation.checkpoints import require_free

    names, titles = (f"{name}-there", f"{name}-back"), (there or f"{name}, there", back or f"{name}, back")
    out = out or own_folder(settings_of(home))
    for each in names:
        require_free(out, each)
    for path in run.export(_folder(folder, home), out, names, titles, licence):
        print(f"{path} was written.")


@commands.command()
def label_scores(
    found: Annotated[Path, typer.Argument(help="Folder of pictures of labels, or with --photos of pictures.")],
    true: Annotated[
        Path, typer.Argument(help="Folder of the true label maps under the same names; see `scenes --labels`.")
    ],
    photos: Annotated[
        bool,
        typer.Option("--photos", help="A small network, trained once on rendered scenes, says what is seen where."),
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Compare label maps: pixel accuracy, class accuracy and class IoU, as the studies' tables 2 and 3."""
    from functools import partial

    from engine.cyclegan import segmenter
    from engine.cyclegan.label_folders import scores_of

    if not photos:
        scores, judge = scores_of(found, true), None
    else:
        path = settings_of(home).home / "evaluation" / "segmenter.safetensors"
        if not path.exists():
            segmenter.save(*segmenter.train(tell=lambda text: typer.echo(text, err=True)), path)
        model, judge = segmenter.load(path)
        scores = scores_of(found, true, partial(segmenter.labels_seen, model))
    if as_json:
        print_json(vars(scores) | ({"judge": vars(judge)} if judge else {}))
        return
    for name, said in (("pictures", scores), ("the judge itself, on renders", judge)):
        if said:
            print(
                f"{name}: pixel accuracy {said.pixel_accuracy:.3f}, class accuracy {said.class_accuracy:.3f}, "
                f"class IoU {said.class_iou:.3f} ({said.classes} classes)"
            )


def _folder(folder: Path | None, home: Path | None) -> Path:
    return folder or settings_of(home).home / "cyclegan"
