"""What the trainings of beta-VAE and GAN do alike: batches of a step, and numbers that pages can read."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.errors import StudioError
from engine.files import replacing
from engine.images import from_bytes, to_pil
from engine.training.curves import write_numbers
from engine.training.loop import Log


class CurveLog(Log):
    """Numbers go into the run's curves, pictures beside them; TensorBoard is left alone.

    Args:
        quiet: whether nothing is printed.
    """

    def __init__(self, folder: Path, quiet: bool = False):
        self._folder = folder
        self._prints = not quiet

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by name."""
        write_numbers(self._folder, step, values)
        self.text(f"step {step:7d}  " + "  ".join(f"{name} {value:.4f}" for name, value in values.items()))

    def picture(self, step: int, name: str, pixels: Tensor) -> None:
        """The newest of that name, (3, H, W) in [-1, 1]."""
        (image,) = to_pil(pixels[None])
        with replacing(self._folder / f"{name}.png") as file:  # a page may read it at any moment
            image.save(file, "PNG")

    def text(self, text: str) -> None:
        if self._prints:
            print(text, flush=True)


def told(losses: Mapping[str, Tensor], step: int) -> dict[str, float]:
    """The losses as numbers; asked before the weights follow them.

    Raises:
        StudioError: one is no finite number, so that the training has failed.
    """
    numbers = {name: loss.item() for name, loss in losses.items()}
    if wrong := [name for name, value in numbers.items() if not np.isfinite(value)]:
        text = f"The training failed at step {step + 1}: its {', '.join(wrong)} is no number any more."
        raise StudioError(f"{text} Begin anew with a lower learning rate.")
    return numbers


def batch_of(pictures: np.ndarray, size: int, flip: float, rng: torch.Generator, device: torch.device) -> Tensor:
    """Pictures drawn at random, each mirrored with the probability `flip`: (size, channels, H, W) in [-1, 1]."""
    places = torch.randint(len(pictures), (size,), generator=rng).numpy()
    pixels = pixels_in(pictures[places], device)
    mirrored = (torch.rand(size, generator=rng) < flip).to(device)
    return torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)


def pixels_in(pictures: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """(N, H, W, channels) uint8 as (N, channels, H, W) float32 in [-1, 1]."""
    return from_bytes(torch.from_numpy(np.array(pictures)).to(device))


def in_colour(pixels: Tensor) -> Tensor:
    """(N, 1 or 3, H, W) with three channels."""
    return pixels.expand(-1, 3, -1, -1)


def sheet_of(rows: list[Tensor]) -> Tensor:
    """Rows of pictures, (N, 1 or 3, H, W) each, as one (3, H, W)."""
    return torch.cat([torch.cat([*in_colour(row.float().cpu())], dim=2) for row in rows], dim=1).clamp(-1, 1)
