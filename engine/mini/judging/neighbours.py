"""Whether a model copies its training pictures: how near it comes to them, and how near chance comes."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from engine.metrics.sheets import sheet
from engine.picture_files import read_picture
from engine.scenes.shards import SceneData

COLUMNS = 8
NEAR = 0.01  # share of held-out renders that counts as unusually near


def neighbour_distances(drawn: Tensor, held_out: Tensor) -> dict[str, float]:
    """Distances to the nearest training picture, of drawn pictures and of held-out renders.

    Args:
        drawn, held_out: (N,) and (M,) distances.

    Returns:
        Medians, smallest distances, and the share of drawn pictures that are nearer than all but 1 % of the
        held-out renders; about 1 % when the model copies no more than the renderer repeats itself.
    """
    near = torch.quantile(held_out, NEAR)
    return {
        "model_median": drawn.median().item(),
        "held_out_median": held_out.median().item(),
        "model_smallest": drawn.min().item(),
        "held_out_smallest": held_out.min().item(),
        "share_unusually_near": (drawn < near).double().mean().item(),
    }


def neighbour_sheet(
    drawn: Sequence[Path],
    drawn_nearest: tuple[Tensor, Tensor],
    rendered: Sequence[Path],
    rendered_nearest: tuple[Tensor, Tensor],
    data: SceneData,
) -> Image.Image:
    """The drawn pictures that come nearest to a training picture, above it; the same for held-out renders.

    Args:
        drawn_nearest, rendered_nearest: distances and places in `data`, see `engine.metrics.features.nearest`.
    """
    return sheet(
        [
            *_rows("drawn by the model, nearest first", drawn, drawn_nearest, data),
            *_rows("held-out renders, nearest first", rendered, rendered_nearest, data),
        ]
    )


def _rows(
    label: str, paths: Sequence[Path], found: tuple[Tensor, Tensor], data: SceneData
) -> list[tuple[str, list[Image.Image]]]:
    distances, places = found
    first = distances.argsort()[:COLUMNS].tolist()
    numbers = ", ".join(f"{distances[place]:.2f}" for place in first)
    known = data.pictures([int(places[place]) for place in first])
    return [
        (f"{label}: {numbers}", [read_picture(paths[place]) for place in first]),
        ("the nearest training picture of each", [Image.fromarray(picture) for picture in known]),
    ]
