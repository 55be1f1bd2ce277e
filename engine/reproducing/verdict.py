"""What became of a reproduction: a value, its words, and the files in which it is kept for a while.

home/reproductions/<id of the job>.json     the verdict
home/reproductions/<id of the job>.png      the picture, where it is another one
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.files import read_json
from engine.reproducing.comparing import Difference, Distance

MOST_NAMED = 8  # facts in a sentence


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a picture that was made again compares with the one of the gallery.

    Attributes:
        image: id of the gallery's picture.
        distance: None where even the sizes differ.
        differences: what its recipe says otherwise than today's.
        unrecorded: what its recipe does not say, so that it may have been different.
        seconds: that it took this time.
    """

    image: str
    distance: Distance | None
    differences: tuple[Difference, ...] = ()
    unrecorded: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def identical(self) -> bool:
        """Whether all pixels are the same."""
        return self.distance is not None and self.distance.largest == 0

    def words(self) -> str:
        """The verdict in two or three sentences."""
        return " ".join(filter(None, (self._of_pixels(), self._of_differences(), self._of_unrecorded())))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, with the words."""
        return {**asdict(self), "identical": self.identical, "words": self.words()}

    def _of_pixels(self) -> str:
        if self.identical:
            return "Identical: every pixel is the same."
        if self.distance is None:
            return "Not identical: it has another size now."
        apart = self.distance
        return (
            f"Not identical: the largest difference is {apart.largest} of 255, the mean {apart.mean:.4f}, and "
            f"{apart.share:.1%} of the pixels differ."
        )

    def _of_differences(self) -> str:
        if not self.differences:
            return "" if self.identical else "All that the recipe records is the same here."
        named = [str(each) for each in self.differences[:MOST_NAMED]]
        more = len(self.differences) - MOST_NAMED
        begin = "The same although these differ: " if self.identical else "What differs: "
        return f"{begin}{'; '.join(named)}{f'; and {more} more' if more > 0 else ''}."

    def _of_unrecorded(self) -> str:
        if self.identical or not self.unrecorded:
            return ""
        return f"Not in its recipe, so perhaps different: {', '.join(self.unrecorded[:MOST_NAMED])}."


def files_of(home: Path, job_id: str) -> tuple[Path, Path]:
    """Where the verdict and the picture of a job lie."""
    folder = home / "reproductions"
    return folder / f"{job_id}.json", folder / f"{job_id}.png"


def written(verdict: Verdict) -> bytes:
    """The verdict as it is kept."""
    return json.dumps(verdict.to_dict(), ensure_ascii=False).encode()


def verdict_of(home: Path, job_id: str) -> Verdict | None:
    """The verdict of a job; None where there is none, or not any more."""
    try:
        values = read_json(files_of(home, job_id)[0])
        apart = values["distance"]
        return Verdict(
            image=values["image"],
            distance=Distance(**apart) if isinstance(apart, Mapping) else None,
            differences=tuple(Difference(**each) for each in values["differences"]),
            unrecorded=tuple(values["unrecorded"]),
            seconds=float(values["seconds"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
