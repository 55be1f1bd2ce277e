"""Label scores on confusion matrices made by hand."""

import numpy as np
import pytest

from engine.errors import ImageShapeError
from engine.metrics.label_scores import LabelScores, confusion_matrix, label_scores


@pytest.mark.parametrize(
    ("matrix", "accuracy", "class_accuracy", "iou", "classes"),
    [
        ([[5, 0], [0, 7]], 1, 1, 1, 2),
        ([[0, 5], [7, 0]], 0, 0, 0, 2),
        # 3 of 4 and 4 of 6 are right; unions are 4 + 5 - 3 and 6 + 5 - 4.
        ([[3, 1], [2, 4]], 7 / 10, (3 / 4 + 4 / 6) / 2, (3 / 6 + 4 / 7) / 2, 2),
        # The second class has no pixel: it is in neither mean, what was taken for it still counts as wrong.
        ([[8, 2, 0], [0, 0, 0], [0, 0, 5]], 13 / 15, (0.8 + 1) / 2, (0.8 + 1) / 2, 2),
        # All is called the first class: the accuracy of pixels flatters, the means over classes do not.
        ([[90, 0, 0], [5, 0, 0], [5, 0, 0]], 0.9, 1 / 3, 0.9 / 3, 3),
    ],
)
def test_scores(matrix: list, accuracy: float, class_accuracy: float, iou: float, classes: int) -> None:
    found = label_scores(np.array(matrix))
    expected = (accuracy, class_accuracy, iou, classes)
    assert (found.pixel_accuracy, found.class_accuracy, found.class_iou, found.classes) == pytest.approx(expected)


def test_pixels_are_counted_by_true_and_found_class_over_all_pairs() -> None:
    true, found = np.array([[0, 1], [1, 2]]), np.array([[0, 1], [2, 2]], np.uint8)
    matrix = confusion_matrix([(true, found), (true, true)], 3)
    assert matrix.tolist() == [[2, 0, 0], [0, 3, 1], [0, 0, 2]]
    assert isinstance(label_scores(matrix), LabelScores)


def test_maps_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ImageShapeError, match=r"one size; got \(2, 2\) and \(2, 3\)"):
        confusion_matrix([(np.zeros((2, 2), int), np.zeros((2, 3), int))], 2)
    with pytest.raises(ValueError, match="from 0 to 1"):
        confusion_matrix([(np.zeros((2, 2), int), np.full((2, 2), 2))], 2)
    with pytest.raises(ValueError, match="has none"):
        label_scores(np.zeros((3, 3), int))
