"""What tells a good translation of a photo: content kept, areas flat, colours rich, no pattern of the network."""

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.images import check_image_range

FLAT = 4 / 255  # steps of brightness between neighbours up to which an area counts as flat


def luma(pixels: Tensor) -> Tensor:
    """(N, 1, H, W) in [0, 1]: brightness (ITU-R BT.601) of (N, 3, H, W) in [-1, 1]."""
    check_image_range(pixels)
    weights = pixels.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return ((pixels + 1) / 2 * weights).sum(1, keepdim=True)


def edges(pixels: Tensor) -> Tensor:
    """(N, 1, H, W), 0 and more: steepness of the brightness by Sobel's filter, 1 at a step from black to white."""
    across = pixels.new_tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    filters = torch.stack([across, across.T])[:, None] / 4
    slopes = F.conv2d(F.pad(luma(pixels), (1, 1, 1, 1), mode="replicate"), filters)
    return slopes.square().sum(1, keepdim=True).sqrt()


def edge_ssim(photo: Tensor, fake: Tensor) -> Tensor:
    """(N,) in [-1, 1]: structural similarity (Wang et al. 2004) of the edges of photo and translation; 1 is equal.

    Both are blurred a little first: a line may move by a pixel without another content.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure  # here: the worker begins without it

    soft = [F.avg_pool2d(edges(pixels), 2) for pixels in (photo, fake)]
    similarity = structural_similarity_index_measure(soft[1], soft[0], data_range=1.0, reduction="none")
    assert isinstance(similarity, Tensor)  # a tuple only where maps are asked for
    return similarity.reshape(-1)


def flat_share(pixels: Tensor) -> Tensor:
    """(N,) in [0, 1]: share of pixels whose neighbours to the right and below are as bright."""
    light = luma(pixels)
    right, below = light.diff(dim=3)[..., :-1, :].abs(), light.diff(dim=2)[..., :-1].abs()
    return (torch.maximum(right, below) < FLAT).float().mean((1, 2, 3))


def saturation(pixels: Tensor) -> Tensor:
    """(N,) in [0, 1]: mean distance between the largest and the smallest channel."""
    check_image_range(pixels)
    return (pixels.amax(1) - pixels.amin(1)).mean((1, 2)) / 2


def checkerboard(pixels: Tensor) -> Tensor:
    """(N,) 0 and more: strength of the pattern with a period of two pixels in both directions, as transposed
    convolutions leave it (Odena et al. 2016), in brightness from 0 to 1.
    """
    sign = luma(pixels)
    pattern = sign.new_tensor([[1.0, -1.0], [-1.0, 1.0]]).view(1, 1, 2, 2) / 2
    return F.conv2d(sign, pattern).abs().mean((1, 2, 3))


def clipped_share(pixels: Tensor) -> Tensor:
    """(N,) in [0, 1]: share of pixels at black or at white."""
    light = luma(pixels)
    return ((light < 2 / 255) | (light > 253 / 255)).float().mean((1, 2, 3))
