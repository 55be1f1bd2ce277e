"""The study's ablation (figure 6.2): four trainings from one seed and one order of pictures, and what differs.

Its claims are that the perceptual loss keeps structure and costs fine detail, and that the ODE is smoother: the figures
beside the sheet are those that would show it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps

from engine.comparing.measuring import Judge, as_picture, judge_here, means, measures_of, pair_figures, picture_at
from engine.comparing.report import markdown, number, write_csv
from engine.errors import StudioError
from engine.files import replacing, write_json
from engine.images import from_pil
from engine.marked import COMPOSITE, save_png
from engine.metrics.compare_report import json_values
from engine.metrics.features import features_of
from engine.metrics.sheets import TILE, grid_sheet
from engine.metrics.vgg19 import Vgg19Features, load_vgg19
from engine.nijigan import run
from engine.nijigan.config import Config
from engine.nijigan.evaluation import pair_tensors
from engine.picture_files import pictures_in
from engine.training.loop import averaged_weights, is_finished, step_of
from engine.training.photo_folders import PairedFolders
from engine.translation.evaluation import content_distance
from engine.translation.networks.generator import Architecture, Generator

REPORT, TABLE, SHEET = "ablation.json", "ablation.csv", "figure-6-2.png"
TITLES = {
    "perceptual-0.15": "VGG loss 0.15",
    "perceptual-0": "no VGG loss",
    "resnet": "ResNet, 9 blocks",
    "full": "full: ODE, 0.1",
}
RESNET_BLOCKS = 9
ROWS = 8  # pairs on the sheet
COLUMNS = {"edges": "Edge SSIM", "content": "Content distance", "flat": "Flat share", "mse": "MSE to Y_p"}
Tell = Callable[[str], None]


def variants(config: Config) -> dict[str, Config]:
    """The four configurations; seed, data and number of steps are those given, in all of them."""
    resnet = Architecture("resnet", RESNET_BLOCKS, config.architecture.width)
    return {
        "perceptual-0.15": _with(config, perceptual=0.15),
        "perceptual-0": _with(config, perceptual=0.0),
        "resnet": replace(_with(config, perceptual=0.1, bend=0.0), architecture=resnet),
        "full": _with(config, perceptual=0.1),
    }


def _with(config: Config, **weights: float) -> Config:
    return replace(config, weights=replace(config.weights, **weights))


def ablate(folders: run.Folders, folder: Path, config: Config, processes: int, tell: Tell) -> dict[str, Any]:
    """Train the four, or go on with them, and write the report.

    Args:
        folder: gets a folder for each training, with its `config.json`, and the report's files.

    Raises:
        StudioError: a training was stopped; the same call goes on from there. Or pictures cannot be used.
    """
    chosen = variants(config)
    for name, each in chosen.items():
        write_json(folder / name / "config.json", asdict(each))
    for name, each in chosen.items():
        tell(f"{TITLES[name]}: step {step_of(folder / name)} of {each.steps}")
        run.start(folders, folder / name, each, processes)
        if not is_finished(folder / name):
            raise StudioError(f"Stopped while training {name}. The same command goes on from there.")
    return report(folder, chosen, run.paired(folders.held_out, config.side), folders.styles)


@torch.no_grad()
def report(folder: Path, chosen: Mapping[str, Config], pairs: PairedFolders, styles: Sequence[Path]) -> dict[str, Any]:
    """The sheet, the table and their files from four finished trainings, on pairs that none was trained on."""
    judge, vgg = judge_here(), load_vgg19()
    photos, truths = zip(*(map(as_picture, pair_tensors(pairs, index)) for index in range(len(pairs))), strict=True)
    wanted = _style_pictures(styles, min(min(photo.size) for photo in photos))
    target = features_of(judge.extractor, map(from_pil, wanted))
    made = {"photos": list(photos)}
    made |= {name: _translated(folder / name, config, photos) for name, config in chosen.items()}
    rows = [_row(name, (judge, vgg), target, photos, truths, fakes) for name, fakes in made.items()]
    values = {
        "steps": next(iter(chosen.values())).steps,
        "seed": next(iter(chosen.values())).seed,
        "n": len(photos),
        "m": len(wanted),
        "network": judge.extractor.name,
        "rows": rows,
        "notes": [text for text in (judge.missing, *(each.note(len(photos)) for each in judge.distances)) if text],
    }
    values = json_values(values)
    _sheet(folder / SHEET, pairs, made)
    write_csv(folder / TABLE, [{name: value for name, value in row.items() if name != "title"} for row in rows])
    write_json(folder / REPORT, values)
    return values


def table(values: Mapping[str, Any]) -> str:
    """The report as a table of Markdown."""
    return markdown(
        {"Variant": row["title"]}
        | {title: number(row[name]) for name, title in COLUMNS.items()}
        | {name: number(value) for name, value in row.items() if name not in (*COLUMNS, "name", "title", "psnr")}
        for row in values["rows"]
    )


def _translated(folder: Path, config: Config, photos: Sequence[Image.Image]) -> list[Image.Image]:
    model = Generator(config.architecture, config.solvers[0]).eval()
    model.load_state_dict(averaged_weights(folder))
    return [as_picture(model(from_pil(photo))) for photo in photos]


def _row(
    name: str,
    networks: tuple[Judge, Vgg19Features],
    target: torch.Tensor,
    photos: Sequence[Image.Image],
    truths: Sequence[Image.Image],
    fakes: Sequence[Image.Image],
) -> dict[str, Any]:
    (judge, vgg), each = networks, []
    for photo, truth, fake in zip(photos, truths, fakes, strict=True):
        found = measures_of(photo, fake)
        kept = {"edges": found["edges"], "content": content_distance(vgg, from_pil(photo), from_pil(fake))}
        each.append(kept | {"flat": found["flat"]} | pair_figures(fake, truth))
    features = features_of(judge.extractor, map(from_pil, fakes))
    enough = min(len(features), len(target)) > 1  # a distance between sets needs two in each
    distances = {way.name: way.value(target, features) for way in judge.distances} if enough else {}
    title = TITLES.get(name, "the photos themselves")
    return {"name": name, "title": title} | means(each) | distances


def _style_pictures(folders: Sequence[Path], side: int) -> list[Image.Image]:
    return [picture_at(path, side) for folder in folders for path in pictures_in(folder)]


def _sheet(path: Path, pairs: PairedFolders, made: Mapping[str, Sequence[Image.Image]]) -> None:
    columns = ["photo", *TITLES.values()]
    rows = [
        (
            pairs.photos.paths[place].stem[:14],
            [ImageOps.fit(pictures[place], (TILE, TILE), Image.Resampling.LANCZOS) for pictures in made.values()],
        )
        for place in range(min(ROWS, len(pairs)))
    ]
    with replacing(path) as file:
        save_png(grid_sheet("Figure 6.2 anew", columns, rows), file, COMPOSITE)
