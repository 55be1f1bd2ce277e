"""What the trainings of beta-VAE and GAN do alike: batches of a step, and sheets."""

import numpy as np
import torch
from torch import Tensor

from engine.images import from_bytes


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
