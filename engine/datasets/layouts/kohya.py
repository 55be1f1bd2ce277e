"""Folders as kohya's tools lay them out: `img/10_hat man` to train on, `reg/1_man` beside it, `log` and `model`.

Regularisation pictures show what the subject is one of (a man), so that training does not change all of them. As
pictures of the subject they would do the opposite.
"""

import re
from collections.abc import Iterable
from pathlib import Path

_REGULARISATION = re.compile(r"(reg|regs|regularisation|regularization)([ _-]?(img|imgs|image|images|data|set))?")
_TRAINING, _OUTPUTS = (
    ("img", "image", "images", "train"),
    ("log", "logs", "model", "models", "output", "sample", "samples"),
)
_CLASS_FOLDER = re.compile(r"([1-9]\d{0,2})_(.+)", re.ASCII)  # at most 999 repeats: four digits are a year


def class_folder(path: Path) -> tuple[int, str] | None:
    """Repeats and class of a picture in one of kohya's folders: 10 and "red hat" in `10_red hat`."""
    match = _CLASS_FOLDER.fullmatch(path.parent.name)
    return (int(match.group(1)), match.group(2)) if match else None


class Layout:
    """What the folders of a data set are for.

    Args:
        folder: of the data set; what its own name says makes no difference.
        files: all below it.
    """

    def __init__(self, folder: Path, files: Iterable[Path]):
        self._folder = folder
        # Folders with a training folder of class folders in them: what else is there is the trainer's.
        self._projects = {
            path.parents[2]
            for path in files
            if class_folder(path) and path.parents[1] != folder and path.parents[1].name.casefold() in _TRAINING
        }

    def is_own(self, path: Path) -> bool:
        """Whether a file is part of what is trained on."""
        return not self.is_regularisation(path) and not self.is_output(path)

    def is_regularisation(self, path: Path) -> bool:
        """Whether it lies in a folder of regularisation pictures."""
        return any(_REGULARISATION.fullmatch(part.casefold()) for part in path.relative_to(self._folder).parts[:-1])

    def is_output(self, path: Path) -> bool:
        """Whether it lies in a folder that a trainer writes into, beside the one that it reads."""
        return any(
            place.parent in self._projects and place.name.casefold() in _OUTPUTS
            for place in path.parents
            if place.is_relative_to(self._folder) and place != self._folder
        )
