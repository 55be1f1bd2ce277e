"""The captions that a run began with, as the data set had them, and which of them were changed since.

A run goes on with what it began with, so new captions would be passed over without a word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.datasets.captions import CAPTIONS_FILE, captions_csv
from engine.datasets.findings import counted
from engine.datasets.index import relative_name
from engine.datasets.pictures import CaptionedPicture
from engine.datasets.reading import read_captions
from engine.errors import StudioError
from engine.files import read_json, replacing, write_json

BEGUN = "captions.json"
SHOWN, LONGEST = 3, 60  # captions that a sentence shows, and characters of each


@dataclass(frozen=True, slots=True)
class Change:
    """A picture's caption then and now, without the trigger word and the keyword rules' sentences."""

    picture: str
    before: str
    now: str


def keep_captions(run: Path, dataset: Path, pictures: Sequence[CaptionedPicture]) -> None:
    """Write down what a run begins with; also as a table that can be put back into the data set."""
    captions = {picture.path: picture.caption for picture in pictures}
    named = {relative_name(dataset, path): caption for path, caption in captions.items()}
    write_json(run / BEGUN, {"folder": str(dataset.absolute()), "captions": named})
    with replacing(run / CAPTIONS_FILE) as file:
        file.write(captions_csv(dataset, captions))


def changed_captions(run: Path) -> list[Change]:
    """What differs in the data set from what the run began with; nothing where either can no longer be read."""
    try:
        begun = read_json(run / BEGUN)
        folder, before = Path(begun["folder"]), begun["captions"]
        found = {relative_name(folder, path): caption for path, caption in read_captions(folder).items()}
    except (StudioError, OSError, ValueError, KeyError, TypeError):
        return []
    return _differing(before, found)


def _differing(before: Mapping[str, str], found: Mapping[str, str]) -> list[Change]:
    return [Change(name, text, found[name]) for name, text in before.items() if found.get(name, text) != text]


def in_words(run: Path, changes: Sequence[Change]) -> str:
    """Why a run with changed captions is not gone on with, and the two ways to go on."""
    shown = [f"{change.picture} from {_short(change.before)} to {_short(change.now)}" for change in changes[:SHOWN]]
    more = f" and {len(changes) - SHOWN:,} more" if len(changes) > SHOWN else ""
    return (
        f"A run goes on with the captions that it began with; {counted(len(changes), 'caption')} changed since: "
        f"{', '.join(shown)}{more}. Begin a new run to train on the new ones; to go on with the old ones, copy "
        f"{run / CAPTIONS_FILE} into the folder of the pictures."
    )


def _short(caption: str) -> str:
    return f'"{caption if len(caption) <= LONGEST else caption[: LONGEST - 1] + "…"}"'
