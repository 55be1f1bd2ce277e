"""What all parts of the painter use: blurs, steps, and sampling. Pictures are (H, W, 3) or (H, W) float32."""

from functools import lru_cache

import cv2
import numpy as np

REFERENCE_SIDE = 1024  # long side at which distances in the painter are pixels


def scale_of(picture: np.ndarray) -> float:
    """Pixels here for one at the reference size."""
    return max(picture.shape[:2]) / REFERENCE_SIDE


def lab_of(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of sRGB in [0, 1]: L from 0 to 100, a and b about -100 to 100."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab)


def rgb_of(lab: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] of `lab_of`'s colours; those outside the gamut are clipped."""
    return cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2RGB).clip(0, 1)


def step(values: np.ndarray | float, low: float, high: float) -> np.ndarray:
    """A smooth step (cubic): 0 up to `low`, 1 from `high` on; falls where `high` is below `low`."""
    share = np.asarray((np.asarray(values, np.float32) - low) * np.float32(1 / (high - low)))
    np.clip(share, 0, 1, out=share)
    rise = share * -2  # in place from here on: fresh memory costs more than the sums
    rise += 3
    share *= share
    rise *= share
    return rise


def soft(picture: np.ndarray, sigma: float) -> np.ndarray:
    """About a Gaussian blur of `sigma` pixels; wide ones are two box blurs, whose time does not grow with them."""
    if sigma < 3:
        return cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.3))
    width = 2 * round(1.22 * sigma) + 1
    return cv2.blur(cv2.blur(picture, (width, width)), (width, width))


def mean_under(picture: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """The soft mean of those pixels around a place that have a weight (H, W); where none are near, the picture."""
    over = soft(weight, sigma)[..., None]
    total = soft(picture * weight[..., None], sigma).reshape(picture.shape)  # OpenCV drops a single channel
    return np.where(over > 2e-3, total / np.maximum(over, 2e-3), picture)


def mixed(first: np.ndarray, second: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """`first` with a share of `second`, a number or (H, W), in [0, 1]."""
    if isinstance(share, np.ndarray) and share.ndim < first.ndim:
        share = share[..., None]
    result = np.subtract(second, first)  # changed in place: fresh memory costs more than the sums
    result *= share
    result += first
    return result


def resized(picture: np.ndarray, share: float) -> np.ndarray:
    """At a share of its size, at most 1; every pixel is the mean of those that it stands for."""
    size = (max(1, round(picture.shape[1] * share)), max(1, round(picture.shape[0] * share)))
    return picture if share == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def transformed_sum(picture: np.ndarray) -> np.ndarray:
    """(H, W): the sum of the channels."""
    return cv2.transform(picture, np.ones((1, picture.shape[-1]), np.float32))


def colour(*values: float) -> np.ndarray:
    """Of Lab or a*b*, float32."""
    return np.array(values, np.float32)


def places(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) columns and rows of every pixel, float32."""
    return _places(shape[0], shape[1])


@lru_cache(maxsize=2)
def _places(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Twelve times asked for in one picture; not to be written to."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    for part in (columns, rows):
        part.flags.writeable = False
    return columns, rows


def moved_down(picture: np.ndarray, rows: int) -> np.ndarray:
    """(H, W) with every row that far below (above, if negative); the border's goes on."""
    return picture[(np.arange(len(picture)) - rows).clip(0, len(picture) - 1)]


def disc(radius: float) -> np.ndarray:
    """A round structuring element."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max(1, round(radius)) + 1,) * 2)
