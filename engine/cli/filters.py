"""The options that say which images are meant."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from engine.errors import StudioError
from gallery.looks.palette import NAMES
from gallery.questions.query import LARGEST, NEWEST, OLDEST, RATING


def midnight(day: datetime | None, days: int = 0) -> float | None:
    """Unix seconds of a day, or of one so many days later; None where no day is given.

    Raises:
        StudioError: it is before 1970 or after the year 9000.
    """
    if day is None:
        return None
    if not 1970 <= day.year <= 9000:
        raise StudioError(f"A day is from 1970-01-01 to 9000-12-31; got {day:%Y-%m-%d}. Name another one.")
    return (day + timedelta(days=days)).timestamp()


def colours(names: list[str]) -> tuple[str, ...]:
    """The names of colours in lower case.

    Raises:
        StudioError: one is none.
    """
    found = tuple(name.strip().lower() for name in names)
    if wrong := [name for name, lower in zip(names, found, strict=True) if lower not in NAMES]:
        got = ", ".join(map(repr, wrong))
        raise StudioError(f"A colour is one of {', '.join(NAMES)}; got {got}. Name one of these.")
    return found


class Sort(StrEnum):
    """The orders of a list."""

    newest = NEWEST
    oldest = OLDEST
    rating = RATING
    largest = LARGEST


Search = Annotated[str, typer.Option(help="Only images whose prompt or photo's name has these words.")]
Kinds = Annotated[list[str], typer.Option("--kind", help="Only images of this kind, such as text_to_image.")]
Models = Annotated[list[str], typer.Option("--model", help="Only images of this model.")]
Loras = Annotated[list[str], typer.Option("--lora", help="Only images that this LoRA was applied to.")]
Samplers = Annotated[list[str], typer.Option("--sampler", help="Only images of this sampler, such as 'DPM++ 2M'.")]
Sizes = Annotated[list[str], typer.Option("--size", help="Only images of this size, such as 768x512.")]
Tags = Annotated[list[str], typer.Option("--tag", help="Only images with this tag.")]
Colours = Annotated[
    list[str], typer.Option("--colour", help=f"Only images with this among their main colours: {', '.join(NAMES)}.")
]
Commercial = Annotated[
    bool, typer.Option("--commercial-use", help="Only images whose licences are all known to allow commercial use.")
]
Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only images made on this day or later.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only images made on this day or earlier.")]
Seed = Annotated[int | None, typer.Option(min=0, max=2**64 - 1, help="Only images of this seed.")]
Favourite = Annotated[bool, typer.Option("--favourite", help="Only favourites.")]
Rating = Annotated[int, typer.Option(min=0, max=5, help="Only images with at least so many stars.")]
Board = Annotated[str, typer.Option(help="Only images on the board of this name.")]
Parent = Annotated[str | None, typer.Option(help="Only images made from the image of this id.")]
Trash = Annotated[bool, typer.Option("--trash", help="Those in the trash instead.")]
Order = Annotated[Sort, typer.Option("--sort", help="The order.")]
Fold = Annotated[bool, typer.Option("--fold", help="One image of all that differ in their seed alone.")]
