"""Captioned pictures in a folder, in whatever layout they come.

Found by looking: tables with a column of names and one of captions (captions.csv, Hugging Face's metadata.csv and
metadata.jsonl, kohya's meta_cap.json), text files beside the pictures (.txt, .caption), and kohya's folders
`10_name`, whose pictures count ten times and are captioned by the folder's name where nothing else describes them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.datasets.findings import Finding
from engine.datasets.index import PictureIndex
from engine.datasets.layouts.kohya import class_folder
from engine.datasets.layouts.listing import decode_all, list_files
from engine.datasets.layouts.sources import Source, sources_in
from engine.datasets.layouts.tables import Columns
from engine.datasets.pictures import CaptionedPicture
from engine.datasets.report import Contents, ReadingReport, report_on
from engine.datasets.texts import one_line
from engine.errors import InvalidRequest, Problem


@dataclass(frozen=True, slots=True)
class Dataset:
    """All pictures that can be read, by name, also those without a caption; and the report."""

    folder: Path
    pictures: tuple[CaptionedPicture, ...]
    report: ReadingReport


def read_dataset(
    folder: Path,
    *,
    captions_from: str | None = None,
    image_column: str | None = None,
    caption_column: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Find the pictures of a folder and their captions, and decode every picture once.

    Args:
        folder: and everything below it; links to folders are not followed.
        captions_from: a source as the report names it; None takes the one that describes most pictures.
        image_column: of a table, by name; None finds it by its content.
        caption_column: likewise.
        progress: called with (pictures done, pictures in all).

    Raises:
        NotFound: there is no such folder, or no picture in it.
        InvalidRequest: there is no such source or column.
        StudioError: the folder holds too many files.
    """
    folder = Path(folder)
    listing = list_files(folder)
    index = PictureIndex(folder, listing.pictures)
    columns = Columns(image_column, caption_column)
    sources, unused = sources_in(folder, listing.others, index, columns)
    chosen = _chosen(sources, captions_from, columns, unused)
    usable, refused = decode_all(listing.pictures, progress)
    pictures = tuple(_captioned(path, chosen) for path in usable)
    contents = Contents(folder, listing, pictures, refused, chosen, sources, unused, captions_from is not None)
    return Dataset(folder, pictures, report_on(contents))


def read_captions(folder: Path) -> dict[Path, str]:
    """What `read_dataset` gives as captions, for all files with the suffix of a picture; none of them is opened.

    Raises:
        NotFound, StudioError: see `read_dataset`.
    """
    listing = list_files(Path(folder))
    sources, _ = sources_in(Path(folder), listing.others, PictureIndex(Path(folder), listing.pictures), Columns())
    chosen = sources[0] if sources else None
    return {path: _captioned(path, chosen).caption for path in listing.pictures}


def _captioned(path: Path, chosen: Source | None) -> CaptionedPicture:
    caption = chosen.captions.get(path, "") if chosen else ""
    repeats, name = class_folder(path) or (1, "")
    return CaptionedPicture(path, caption or one_line(name), repeats)


def _chosen(
    sources: Sequence[Source], wanted: str | None, columns: Columns, unused: Sequence[Finding]
) -> Source | None:
    """The source that is named, else the first one."""
    if columns != Columns():
        sources = [source for source in sources if source.is_table]
        if not sources:
            reasons = " ".join(finding.message for finding in unused) or "There is no table."
            message = f"Columns can be chosen in a table that has them. {reasons}"
            raise InvalidRequest([Problem("columns", message)])
    if wanted is None:
        return sources[0] if sources else None
    for source in sources:
        if source.name == wanted:
            return source
    names = ", ".join(source.name for source in sources) or "none"
    message = f"Captions can be read from one of these: {names}; got {wanted!r}. Choose one of them."
    raise InvalidRequest([Problem("captions_from", message)])
