"""The only place where pixels change range or layout.

Inside the engine an image is a tensor (N, 3, H, W), float32, in [-1, 1].
Outside it is a list of 8-bit RGB PIL images.
"""

import io
from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.picture_files import plain, to_rgb

LOW, HIGH = -1.0, 1.0


def to_pil(x: Tensor) -> list[Image.Image]:
    """Convert to 8-bit RGB; values outside [-1, 1] are clipped, halves round to even.

    The arithmetic is the diffusers VaeImageProcessor's, operation by operation, so that a picture
    decoded here equals the one that its pipelines return.

    Args:
        x: (N, 3, H, W) of any floating dtype; computed in float32.
    """
    _check_layout(x)
    unit = (x.detach().float().cpu() * 0.5 + 0.5).clamp(0, 1)
    pixels = (unit.permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
    return [Image.fromarray(picture) for picture in pixels]


def from_pil(images: Image.Image | Iterable[Image.Image]) -> Tensor:
    """Convert pictures of one size to (N, 3, H, W) float32 in [-1, 1]; other modes become RGB first, see `to_rgb`.

    Exact inverse of `to_pil` for all 256 values of a channel.
    """
    images = [images] if isinstance(images, Image.Image) else list(images)
    sizes = sorted({image.size for image in images})
    if len(sizes) != 1:
        raise ValueError(f"Pictures in one batch must share one size; got {sizes}. Resize or split them.")
    return from_array(np.stack([np.asarray(to_rgb(image)) for image in images]))


def from_png(data: bytes) -> Tensor:
    """The picture in a PNG file, (1, 3, H, W) float32 in [-1, 1]."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        return from_pil(plain(image))


def from_array(pictures: np.ndarray) -> Tensor:
    """Convert (N, H, W, 3) uint8 to (N, 3, H, W) float32 in [-1, 1]."""
    return from_bytes(torch.from_numpy(pictures.astype(np.uint8)))  # a copy: it may be read-only or a view


def from_bytes(pictures: Tensor) -> Tensor:
    """Convert (N, H, W, 3) uint8 to (N, 3, H, W) float32 in [-1, 1], on the device where they are."""
    return (2.0 * (pictures.float() / 255.0) - 1.0).permute(0, 3, 1, 2).contiguous()


def check_image_range(x: Tensor, low: float = LOW, high: float = HIGH) -> None:
    """Stop a computation that was given pixels in another range.

    Both bounds matter: [0, 1] pixels also lie in [-1, 1] and would only give a wrong number, so
    callers who know better than the default pass their own.

    Raises:
        ValueError: a value lies outside [low, high] or is not finite.
    """
    if not bool(torch.isfinite(x).all()):
        raise ValueError(f"Pixels must be finite numbers in [{low:g}, {high:g}]; got NaN or infinity.")
    smallest, largest = float(x.min()), float(x.max())
    if smallest < low or largest > high:
        raise ValueError(
            f"Pixels must lie in [{low:g}, {high:g}]; got [{smallest:g}, {largest:g}]. "
            "Convert them with engine.images first."
        )


def _check_layout(x: Tensor) -> None:
    if x.ndim != 4 or x.shape[1] != 3 or not x.is_floating_point():
        raise ValueError(
            f"Images must be floating-point (N, 3, H, W); got {x.dtype} {tuple(x.shape)}. "
            "Add the batch axis or permute first."
        )
