"""What a beta-VAE's run has learnt, in figures and sheets; several runs of the same pictures stand side by side.

report.json      the figures of each run, with how its losses fell
sheet.png        original | run | run ...
traversal-N.png  of run N: latents set from -3 to 3, those that say most first
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.betavae.config import Config
from engine.betavae.disentanglement import factor_scores, known_factors
from engine.betavae.networks import BetaVAE
from engine.betavae.run import latent_kl, trained
from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import replacing, write_json
from engine.images import to_pil
from engine.latent.catalogue import DEAD
from engine.latent.pictures import Pictures, kept_pictures
from engine.latent.training import in_colour, pixels_in
from engine.marked import save_png
from engine.metrics.features import Extractor, features_of
from engine.metrics.frechet import frechet_distance
from engine.metrics.image_quality import mean_squared_error, psnr, ssim
from engine.metrics.sheets import grid_sheet
from engine.training.curves import read_curves
from engine.training.loop import step_of

SAMPLES = 2400  # as the study's FID
BATCH = 64
SHOWN, ROWS = 8, 16  # pictures on the sheet, latents on a traversal
VALUES = tuple(range(-3, 4))
FEWEST = 16  # pictures and samples for a distance between sets
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A run to be judged.

    Attributes:
        folder: of the run.
        config: its settings.
        dataset: folder of its pictures, where their factors may be told.
    """

    folder: Path
    config: Config
    dataset: Path


@dataclass(frozen=True)
class _Judged:
    """One run with what was found about it."""

    of: Trained
    model: BetaVAE
    data: Pictures
    kl: list[float]


def evaluate(
    runs: Sequence[Trained],
    out: Path,
    extractor: Extractor | None = None,
    samples: int = SAMPLES,
    tell: Tell = lambda text: None,
) -> dict[str, Any]:
    """Judge runs of one side and write report and sheets.

    Args:
        extractor: for the distance between samples and pictures; None leaves it out.
        samples: drawn for it.

    Returns:
        What report.json holds.

    Raises:
        NotFound: a run has no checkpoint or no pictures.
        InvalidRequest: the runs are of pictures of different sizes.
    """
    if len({(run.config.side, run.config.channels) for run in runs}) > 1:
        raise InvalidRequest([Problem("run", "Runs side by side must be of pictures of one size and kind.")])
    judged = [_judged(run) for run in runs]
    out.mkdir(parents=True, exist_ok=True)
    found = []
    for number, each in enumerate(judged, 1):
        tell(f"Measuring {each.of.folder.name}")
        found.append(_figures(each, extractor, samples))
        _save(_traversal(each), out / f"traversal-{number}.png")
    _save(_sheet(judged), out / "sheet.png")
    report = {"runs": found}
    write_json(out / "report.json", report)
    return report


def _judged(run: Trained) -> _Judged:
    data = kept_pictures(run.folder)
    if data is None or not step_of(run.folder):
        raise NotFound(f"A run must have been trained to be judged; {run.folder} holds none. Train first.")
    model = trained(run.folder, run.config)
    return _Judged(run, model, data, latent_kl(model, data))


@torch.no_grad()
def _figures(each: _Judged, extractor: Extractor | None, samples: int) -> dict[str, Any]:
    config, curves = each.of.config, read_curves(each.of.folder)
    living = sum(value >= DEAD for value in each.kl)
    found: dict[str, Any] = {
        "run": each.of.folder.name,
        "beta": config.beta,
        "effective_beta": config.effective_beta,
        "steps": step_of(each.of.folder),
        "living_latents": living,
        "dead_latents": config.latents - living,
        "kl": each.kl,
        "held_out": _reconstruction(each),
        "last_losses": {name: points[-1][1] for name, points in curves.items() if points},
    }
    if extractor and samples >= FEWEST <= len(each.data.train):
        distance = _sample_distance(each, extractor, samples)
        found["samples"] = {"features": extractor.name, "samples": samples, "frechet_distance": distance}
    return found | _factors(each)


def _reconstruction(each: _Judged) -> dict[str, float]:
    """Means over the held-out pictures, found again from the means of their latents."""
    parts: dict[str, list[Tensor]] = {"mse": [], "psnr": [], "ssim": []}
    for pictures in _batches(each.data.held_out):
        again = each.model.decode(each.model.encode(pictures)[0]).clamp(-1, 1)
        pair = in_colour(again), in_colour(pictures)
        parts["mse"].append(mean_squared_error(*pair).values)
        parts["psnr"].append(psnr(*pair).values)
        if each.of.config.side >= 11:
            parts["ssim"].append(ssim(*pair).values)
    told = {name: torch.cat(values).mean().item() for name, values in parts.items() if values}
    return told | {"pictures": len(each.data.held_out)}


def _sample_distance(each: _Judged, extractor: Extractor, samples: int) -> float:
    """Between pictures of z ~ N(0, 1) and as many of those that it was trained on, or all of them."""
    z = torch.randn(samples, each.of.config.latents, generator=torch.Generator().manual_seed(0))
    drawn = (in_colour(each.model.decode(part).clamp(-1, 1)) for part in z.split(BATCH))
    real = (in_colour(part) for part in _batches(each.data.train[:samples]))
    return frechet_distance(features_of(extractor, real), features_of(extractor, drawn))


def _factors(each: _Judged) -> dict[str, Any]:
    """Nothing where the pictures' factors are not known."""
    factors = known_factors(each.of.dataset, each.data.names)
    if not factors or len(each.data.names) != len(each.data.train) + len(each.data.held_out):
        return {}
    means = [
        np.concatenate([each.model.encode(part)[0].numpy() for part in _batches(side)])
        for side in (each.data.train, each.data.held_out)
    ]
    scores = factor_scores(means[0], means[1], factors)
    gap = float(np.mean([score.gap for score in scores.values()])) if scores else 0.0
    return {"mutual_information_gap": gap, "factors": {name: asdict(score) for name, score in scores.items()}}


def _batches(pictures: np.ndarray) -> list[Tensor]:
    return [pixels_in(pictures[at : at + BATCH]) for at in range(0, len(pictures), BATCH)]


@torch.no_grad()
def _sheet(judged: Sequence[_Judged]) -> Image.Image:
    """Held-out pictures of the first run, found again by each."""
    pictures = pixels_in(judged[0].data.held_out[:SHOWN])
    columns = [pictures, *(each.model.decode(each.model.encode(pictures)[0]) for each in judged)]
    rows = [(str(place + 1), _pictures(torch.stack(list(row)))) for place, row in enumerate(zip(*columns, strict=True))]
    names = [f"beta {each.of.config.beta:g} ({each.of.config.effective_beta:.3g})" for each in judged]
    return grid_sheet("original | reconstructions; in brackets the effective beta", ["original", *names], rows)


@torch.no_grad()
def _traversal(each: _Judged) -> Image.Image:
    mu = each.model.encode(pixels_in(each.data.held_out[:1]))[0]
    order = sorted(range(len(each.kl)), key=lambda place: -each.kl[place])
    living = [place for place in order if each.kl[place] >= DEAD]
    rows = []
    for place in living[:ROWS]:
        z = mu.repeat(len(VALUES), 1)
        z[:, place] = torch.tensor([float(value) for value in VALUES])
        rows.append((f"{place + 1}: {each.kl[place]:.2f}", _pictures(each.model.decode(z))))
    dead = len(each.kl) - len(living)
    title = f"latents set from -3 to 3, by KL in nats; {len(living)} live, {dead} are dead"
    return grid_sheet(title, [f"{value:+d}" for value in VALUES], rows)


def _pictures(pixels: Tensor) -> list[Image.Image]:
    return to_pil(in_colour(pixels.clamp(-1, 1)))


def _save(picture: Image.Image, path: Path) -> None:
    with replacing(path) as file:
        save_png(picture, file)


def in_words(report: Mapping[str, Any]) -> list[str]:
    """A line for each run."""
    return [_line(run) for run in report["runs"]]


def _line(run: Mapping[str, Any]) -> str:
    held = run["held_out"]
    text = f"{run['run']}: effective beta {run['effective_beta']:.4g}, {run['living_latents']} living latents"
    text += f", PSNR {held['psnr']:.2f} dB" + (f", SSIM {held['ssim']:.3f}" if "ssim" in held else "")
    if "samples" in run:
        text += f", Frechet distance of samples {run['samples']['frechet_distance']:.1f} ({run['samples']['features']})"
    if "mutual_information_gap" in run:
        text += f", mutual information gap {run['mutual_information_gap']:.3f}"
    return text
