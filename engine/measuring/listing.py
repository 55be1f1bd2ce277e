"""The pictures of two folders that are to be compared, or why they cannot be. No torch."""

from collections.abc import Sequence
from pathlib import Path

from engine.errors import StudioError
from engine.picture_files import pictures_below

LEAST = 2  # pictures in each folder; one has no spread
FEW = 20  # below it figures are a hint


def pictures_of_both(one: Path, other: Path) -> tuple[list[Path], list[Path]]:
    """The files of both.

    Raises:
        NotFound: no such folder, or no picture in it.
        StudioError: one folder twice, or fewer than two pictures in one.
    """
    if one.resolve() == other.resolve():
        raise StudioError(f"Two different folders are compared; both are {one}, whose distance to itself is 0.")
    files = pictures_below(one), pictures_below(other)
    require_enough((one, other), [len(each) for each in files])
    return files


def require_enough(folders: Sequence[Path], counts: Sequence[int]) -> None:
    """Raise StudioError where a folder has too few pictures."""
    few = [f"{folder} has {count}" for folder, count in zip(folders, counts, strict=True) if count < LEAST]
    if few:
        raise StudioError(
            f"A distance needs {LEAST} pictures or more in each folder; {' and '.join(few)} that can be read. "
            f"Take {FEW} or more for a figure that means something."
        )
