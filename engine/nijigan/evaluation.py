"""How near translations are to the pseudo ground truth of pairs that were never trained on."""

import json
from pathlib import Path

import torch
from torch import Tensor

from engine.files import replacing
from engine.images import from_pil, to_pil
from engine.training.photo_folders import PairedFolders
from engine.translation.networks.generator import SIZE_MULTIPLE, Generator

SHEET_ROWS = 6


def pair_tensors(pairs: PairedFolders, index: int) -> tuple[Tensor, Tensor]:
    """A whole pair, two (1, 3, H, W) in [-1, 1], cut to sizes that the generator takes."""
    photo, style = (from_pil(image) for image in pairs.pair(index))
    height, width = (size - size % SIZE_MULTIPLE for size in photo.shape[-2:])
    return photo[..., :height, :width], style[..., :height, :width]


@torch.no_grad()
def held_out_numbers(model: Generator, pairs: PairedFolders) -> dict[str, float]:
    """Mean squared error of pixels in [0, 1] and PSNR in dB, each averaged over the pairs."""
    errors = []
    for index in range(len(pairs)):
        photo, style = pair_tensors(pairs, index)
        errors.append(mean_squared_error(_translated(model, photo), style))
    return averages(errors)


def mean_squared_error(fake: Tensor, style: Tensor) -> float:
    """Of pixels in [0, 1], given two of one shape in [-1, 1]."""
    return ((fake - style) / 2).square().mean().item()


def averages(errors: list[float]) -> dict[str, float]:
    """Of squared errors: their mean, and the mean of each one's PSNR."""
    mse = torch.tensor(errors)
    return {"held_out/mse": mse.mean().item(), "held_out/psnr": (-10 * mse.log10()).mean().item()}


@torch.no_grad()
def evaluate(model: Generator, pairs: PairedFolders, folder: Path) -> dict[str, float]:
    """Translate all photos of the pairs, write the pictures and `pairs.json`, and return the averages."""
    folder.mkdir(parents=True, exist_ok=True)
    errors = {}
    for index in range(len(pairs)):
        photo, style = pair_tensors(pairs, index)
        fake = _translated(model, photo)
        name = pairs.photos.paths[index].stem
        errors[name] = mean_squared_error(fake, style)
        (picture,) = to_pil(torch.cat([photo, fake, style], dim=3))
        picture.save(folder / f"{name}.png")
    found = averages(list(errors.values()))
    with replacing(folder / "pairs.json") as file:
        file.write(json.dumps({"mse": errors} | found, indent=2).encode())
    return found


@torch.no_grad()
def sheet(model: Generator, pairs: PairedFolders) -> Tensor:
    """(3, H, W) in [-1, 1]: photo, translation and pseudo ground truth, one row for each of some pairs."""
    shown = [pair_tensors(pairs, index) for index in range(min(SHEET_ROWS, len(pairs)))]
    side = min(size for photo, _ in shown for size in photo.shape[-2:])
    rows = [torch.cat([photo, _translated(model, photo), style])[..., :side, :side] for photo, style in shown]
    return torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)


def _translated(model: Generator, photo: Tensor) -> Tensor:
    return model(photo.to(next(model.parameters()).device)).cpu()
