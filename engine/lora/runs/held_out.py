"""What an evaluation of a LoRA compares, written down before it begins, and its files; no torch is loaded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.datasets.pictures import CaptionedPicture
from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import read_json, write_json

FILE = "evaluation.json"
REPORT, REQUEST, BEGUN = "report.json", "request.json", "lora.json"  # of an evaluation
GRID = "grid.json"
LEAST = 4  # captions; fewer say nothing
MAX_PICTURES = 64  # that the held-out loss is measured on, the first; more would cost minutes for each measurement


def usable(pictures: Sequence[CaptionedPicture]) -> list[CaptionedPicture]:
    """Those that have a caption to draw."""
    return [picture for picture in pictures if picture.caption.strip()]


def prepare(folder: Path, held_out: Sequence[CaptionedPicture], source: str = "") -> None:
    """Write down what is to be compared.

    Args:
        source: where the pictures come from, for people.

    Raises:
        InvalidRequest: too few pictures with a caption.
    """
    pictures = usable(held_out)
    if len(pictures) < LEAST:
        text = f"An evaluation needs {LEAST} held-out pictures with captions or more; got {len(pictures)}."
        raise InvalidRequest([Problem("pictures", f"{text} Add pictures that the LoRA was not trained on.")])
    listed = [{"path": str(picture.path.absolute()), "caption": picture.caption} for picture in pictures]
    write_json(folder / FILE, {"source": source, "pictures": listed})


def read_held_out(folder: Path) -> list[CaptionedPicture]:
    """What `prepare` wrote. Raises NotFound where there is nothing."""
    try:
        listed: list[dict[str, Any]] = read_json(folder / FILE)["pictures"]
        return [CaptionedPicture(Path(each["path"]), each["caption"]) for each in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotFound(
            f"{folder / FILE} must list captions and pictures: {error}. Begin the evaluation anew."
        ) from None


def source_of(folder: Path) -> str:
    """Where the pictures come from, as `prepare` was told; empty where nobody said."""
    try:
        return str(read_json(folder / FILE).get("source", ""))
    except (OSError, ValueError):
        return ""
