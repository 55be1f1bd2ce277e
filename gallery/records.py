"""What the gallery tells others about an image: plain values, free of the database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gallery.files import sha256
from gallery.ids import number_of
from gallery.questions.traits import commercial_use_of, sampler_of, stack_of
from gallery.recipe import Recipe
from gallery.schema import Image, ImageFeatures, ImageTag
from gallery.words import Words

UNREADABLE = (
    "What the database knows of this picture's recipe cannot be read. The picture's file has it too: "
    "`python -m engine gallery check --rebuild` reads it from there."
)


@dataclass(frozen=True)
class ImageRecord:
    """What the gallery knows about one image.

    Attributes:
        id: sorts by time.
        created_at: unix seconds by the database's clock.
        title: what it is listed under and found by: a prompt, or the name of a photo.
        job_id, job_index: which result of which job; None where no job made it.
        seed: this image's own seed.
        sha256, size_bytes: of the file.
        recipe_values: the recipe as JSON values, `recipe` is the readable form; None where they cannot be read.
        deleted_at: unix seconds; None while it is not in the trash.
        sampler: as its menu calls it; empty where there was none.
        stack: shared by pictures of the same recipe with other seeds; None where no seed was used.
        favourite, rating, tags: the artist's marks; a rating is 1 to 5 or None, tags are sorted.
        colours: the main ones by name, largest first; none where it was not looked at yet.
        commercial_use: whether the licences of all that it was made with allow it; None where one is not known.
    """

    id: str
    created_at: float
    owner: str
    job_id: str | None
    job_index: int | None
    kind: str
    title: str
    negative_prompt: str
    model: str
    seed: int | None
    width: int
    height: int
    sha256: str
    size_bytes: int
    recipe_values: Mapping[str, Any] | None
    deleted_at: float | None = None
    sampler: str = ""
    stack: str | None = None
    favourite: bool = False
    rating: int | None = None
    tags: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    commercial_use: bool | None = None

    @cached_property
    def recipe(self) -> Recipe:
        """How it was made; read when it is asked for, which a page of pictures never does.

        One that cannot be read is empty but for a note that says so.
        """
        return self._read or Recipe(kind=self.kind, seed=self.seed, notes=(UNREADABLE,))

    def facts(self) -> dict[str, Any]:
        """What every list tells of a picture, as JSON values: which it is, how it looks and how it was made."""
        return {
            "id": self.id,
            "created_at": datetime.fromtimestamp(self.created_at, UTC).isoformat(timespec="seconds"),
            "kind": self.kind,
            "title": self.title,
            "prompt": self.recipe.prompt,
            "negative_prompt": self.negative_prompt,
            "model": self.model,
            "seed": self.seed,
            "width": self.width,
            "height": self.height,
            "file_sha256": self.sha256,
        }

    @property
    def unreadable(self) -> bool:
        """Whether the database's copy of the recipe cannot be read; the one in the picture's file may be."""
        return self._read is None

    @cached_property
    def _read(self) -> Recipe | None:
        try:
            return Recipe.from_dict(self.recipe_values)  # type: ignore[arg-type]  # it refuses others itself
        except (ValueError, TypeError, OverflowError):
            return None


@dataclass(frozen=True)
class Page:
    """Neighbouring images in the order of what was asked, and whether there are more on either side.

    Attributes:
        has_newer, has_older: before them and after them, whatever the order.
        stacked: by id, how many images one stands for where stacks are folded.
    """

    images: tuple[ImageRecord, ...]
    has_newer: bool
    has_older: bool
    stacked: Mapping[str, int] = field(default_factory=dict)


# The record's fields are the row's columns in another order, but for the recipe's name; tags have a table of their own.
_FIELDS = [spec.name for spec in fields(ImageRecord) if spec.name not in ("tags", "colours")]


def record_of(row: Image, tags: Iterable[str] = ()) -> ImageRecord:
    """The row's values, with the recipe read."""
    values = {of: getattr(row, of.removesuffix("_values")) for of in _FIELDS}
    return ImageRecord(**values, tags=tuple(sorted(tags)), colours=tuple((row.colours or "").split()))


def records_of(session: Session, rows: Iterable[Image]) -> tuple[ImageRecord, ...]:
    """The values of rows, with their tags."""
    rows = list(rows)
    tags: dict[str, list[str]] = {}
    if rows:
        of_rows = ImageTag.image_id.in_([row.id for row in rows])
        for image_id, tag in session.execute(select(ImageTag.image_id, ImageTag.tag).where(of_rows)):
            tags.setdefault(image_id, []).append(tag)
    return tuple(record_of(row, tags.get(row.id, ())) for row in rows)


def row_of(
    image_id: str,
    recipe: Recipe,
    words: Words,
    size: tuple[int, int],
    data: bytes,
    features: bytes | None = None,
    **more: object,
) -> Image:
    """The row of an image file.

    Args:
        image_id: names the file.
        recipe: as it stands in the file.
        words: what its kind says of it.
        size: width and height in pixels.
        data: the file's bytes.
        features: what it is found by as being like another; None where nobody looked at it yet.
        more: `created_at`, `owner`, `job_id`, `job_index`, `phash`, `colours`.
    """
    return Image(
        id=image_id,
        number=number_of(image_id),
        kind=recipe.kind[:32],
        title=words.title,
        negative_prompt=words.negative_prompt,
        model=recipe.model_name[:200],
        seed=recipe.seed,
        width=size[0],
        height=size[1],
        sha256=sha256(data),
        size_bytes=len(data),
        recipe=recipe.to_dict(),
        sampler=sampler_of(recipe),
        stack=stack_of(recipe, words.title),
        commercial_use=commercial_use_of(recipe),
        features=None if features is None else ImageFeatures(features=features),
        **more,
    )
