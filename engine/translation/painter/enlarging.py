"""A painting made at a working size, brought to the photo's own size with the photo's own borders.

Joint bilateral upsampling (Kopf et al. 2007): around every pixel, painted colours count the more, the more the photo
there looks like the photo here. In strips, so that memory does not grow with the photo.
"""

import cv2
import numpy as np

STRIP = 256  # rows
ALIKE = 0.06  # of sRGB in [0, 1]: colours that far apart count little for one another
AROUND = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


def enlarged(painting: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """The painting at the photo's size.

    Args:
        painting: (h, w, 3) uint8.
        photo: (H, W, 3) uint8, at least as large.

    Returns:
        (H, W, 3) uint8.
    """
    small = cv2.resize(photo, painting.shape[1::-1], interpolation=cv2.INTER_AREA)
    result = np.empty_like(photo)
    for first in range(0, len(photo), STRIP):
        rows = slice(first, min(first + STRIP, len(photo)))
        result[rows] = _strip(painting, small, photo[rows], first, len(photo))
    return result


def _strip(painting: np.ndarray, small: np.ndarray, photo: np.ndarray, first: int, height: int) -> np.ndarray:
    columns = (np.arange(photo.shape[1], dtype=np.float32) + 0.5) * painting.shape[1] / photo.shape[1] - 0.5
    rows = (np.arange(first, first + len(photo), dtype=np.float32) + 0.5) * len(painting) / height - 0.5
    across, down = np.meshgrid(columns, rows)
    guide = photo.astype(np.float32) / 255
    total, weight = np.zeros_like(guide), np.zeros(guide.shape[:2], np.float32)
    for right, below in AROUND:
        near = _sampled(small, across + right, down + below)
        like = np.exp(-((near - guide) ** 2).sum(-1) / (2 * ALIKE * ALIKE)) + 1e-4
        total += _sampled(painting, across + right, down + below) * like[..., None]
        weight += like
    return (total / weight[..., None] * 255).round().clip(0, 255).astype(np.uint8)


def _sampled(picture: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    taken = cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return taken.astype(np.float32) / 255
