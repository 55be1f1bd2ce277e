"""How the pages show what a kind of work made; `pages.kinds` is the table."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.studio import Studio
from gallery.records import ImageRecord
from pages.parts.common import shown_width
from pages.parts.facts import made, size_of
from pages.parts.pictures import show_picture


def _plain_picture(studio: Studio, record: ImageRecord, place: str) -> bool:
    return show_picture(studio, record, shown_width(record.width))


def _plain_details(record: ImageRecord) -> dict[str, object]:
    return {"Model": record.model, "Seed": record.seed, "Size": size_of(record), **made(record)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A kind's pictures in Gallery; the defaults are for kinds that this version does not know.

    Attributes:
        page: whose form takes a picture's settings again, see `pages.parts.reuse`; empty for none.
        reuse: what "Use these settings" does, for people.
        details: rows of a table, by label; empty values are left out.
        picture: shows one in full, at a place that keeps its widgets apart; returns whether its file could be read.
        title: what the picture's title is, where it is no prompt.
        more: what else can be done with it, below the downloads.
    """

    page: str = ""
    reuse: str = ""
    details: Callable[[ImageRecord], dict[str, object]] = _plain_details
    picture: Callable[[Studio, ImageRecord, str], bool] = _plain_picture
    title: str = ""
    more: Callable[[Studio, ImageRecord], None] = lambda studio, record: None
