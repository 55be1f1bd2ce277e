"""How well one label map agrees with another: the scores of Long et al. 2015 (FCN), section 5."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.errors import ImageShapeError


@dataclass(frozen=True)
class LabelScores:
    """Of n_ij pixels of class i that were found as class j, t_i of class i; each from 0 to 1, 1 for equal maps.

    Attributes:
        pixel_accuracy: sum n_ii / sum t_i.
        class_accuracy: mean over the classes of n_ii / t_i.
        class_iou: mean over the classes of n_ii / (t_i + sum_j n_ji - n_ii).
        classes: that have pixels; the others are left out of both means.
    """

    pixel_accuracy: float
    class_accuracy: float
    class_iou: float
    classes: int


def confusion_matrix(pairs: Iterable[tuple[np.ndarray, np.ndarray]], classes: int) -> np.ndarray:
    """(classes, classes) int64: pixels by their true class, in rows, and the class that was found.

    Args:
        pairs: of true and found label maps, (H, W) whole numbers from 0 to classes - 1 each.

    Raises:
        ImageShapeError: two maps of a pair have other sizes.
        ValueError: a label is none of the classes.
    """
    matrix = np.zeros((classes, classes), np.int64)
    for true, found in pairs:
        if true.shape != found.shape:
            raise ImageShapeError(f"Label maps of a pair must have one size; got {true.shape} and {found.shape}.")
        if true.size and (min(true.min(), found.min()) < 0 or max(true.max(), found.max()) >= classes):
            raise ValueError(f"Labels must lie from 0 to {classes - 1}.")
        places = true.astype(np.int64).ravel() * classes + found.ravel()
        matrix += np.bincount(places, minlength=classes**2).reshape(classes, classes)
    return matrix


def label_scores(matrix: np.ndarray) -> LabelScores:
    """The scores of a confusion matrix.

    Args:
        matrix: (K, K), true classes in rows.

    Raises:
        ValueError: it has no pixel.
    """
    right, true, found = np.diag(matrix).astype(float), matrix.sum(1), matrix.sum(0)
    seen = true > 0
    if not seen.any():
        raise ValueError("Label scores need pixels; the matrix has none.")
    union = (true + found - right)[seen]
    return LabelScores(
        pixel_accuracy=float(right.sum() / true.sum()),
        class_accuracy=float((right[seen] / true[seen]).mean()),
        class_iou=float((right[seen] / union).mean()),
        classes=int(seen.sum()),
    )
