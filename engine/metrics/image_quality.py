"""How near a picture comes to another, pixel by pixel: mean squared error, PSNR, SSIM.

All three are defined on pixels in [0, 1]; SSIM's brightness term gives other numbers in [-1, 1]. So the pictures,
which are in [-1, 1] everywhere in the engine, are moved to [0, 1] here.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.images import check_image_range

SSIM_SIDE = 11  # pixels of its window


@dataclass(frozen=True)
class PairScores:
    """One number for each pair of pictures.

    Attributes:
        values: (N,) float64.
    """

    values: Tensor

    @property
    def mean(self) -> float:
        """Mean over the pairs, in the unit of the values."""
        return self.values.mean().item()


def mean_squared_error(preds: Tensor, target: Tensor) -> PairScores:
    """Mean over pixels and channels of the squared difference of values in [0, 1]: 0 (equal) to 1.

    Args:
        preds, target: (N, 3, H, W) float32 in [-1, 1].

    Raises:
        ValueError: other shapes or ranges.
    """
    preds, target = _unit_pair(preds, target)
    return PairScores((preds - target).square().mean((1, 2, 3)))


def psnr(preds: Tensor, target: Tensor) -> PairScores:
    """Peak signal-to-noise ratio in decibels, -10 log10(MSE): 0 to infinity (equal), higher is nearer.

    Args:
        preds, target: (N, 3, H, W) float32 in [-1, 1].

    Raises:
        ValueError: other shapes or ranges.
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio  # here: the worker begins without it

    preds, target = _unit_pair(preds, target)
    return PairScores(peak_signal_noise_ratio(preds, target, data_range=1.0, reduction="none", dim=(1, 2, 3)))


def ssim(preds: Tensor, target: Tensor) -> PairScores:
    """Structural similarity, -1 to 1 (equal), in Gaussian windows of 11 px (Wang et al. 2004).

    Args:
        preds, target: (N, 3, H, W) float32 in [-1, 1], H and W at least 11.

    Raises:
        ValueError: other shapes or ranges.
    """
    if min(preds.shape[-2:]) < SSIM_SIDE:
        raise ValueError(
            f"SSIM needs pictures of {SSIM_SIDE} px or more on each side; got {tuple(preds.shape)}. Take larger ones."
        )
    from torchmetrics.functional.image import structural_similarity_index_measure  # here: as above

    preds, target = _unit_pair(preds, target)
    found = structural_similarity_index_measure(preds, target, data_range=1.0, reduction="none")
    assert isinstance(found, Tensor)  # a tuple only when whole maps are asked for
    return PairScores(found.reshape(-1))


def check_pair(preds: Tensor, target: Tensor) -> None:
    """Stop a comparison of pictures that cannot be compared.

    Raises:
        ValueError: not both (N, 3, H, W) of one shape with pixels in [-1, 1].
    """
    if preds.ndim != 4 or preds.shape[1] != 3 or preds.shape != target.shape:
        raise ValueError(
            f"Pairs of pictures must share one shape (N, 3, H, W); got {tuple(preds.shape)} and "
            f"{tuple(target.shape)}. Resize one to the other."
        )
    check_image_range(preds)
    check_image_range(target)


def _unit_pair(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    check_pair(preds, target)
    return (preds.to("cpu", torch.float64) + 1) / 2, (target.to("cpu", torch.float64) + 1) / 2
