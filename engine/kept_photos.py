"""How requests name the photos and pictures that work begins with; `gallery.photos` keeps their files."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import Problem

_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PhotoRef:
    """A kept photo.

    Attributes:
        id: the SHA-256 of its file.
        name: of the file that it came from, or the title of the picture.
        image: id of the gallery's picture that it is; None for a file from elsewhere.
    """

    id: str
    name: str
    image: str | None = None

    def to_dict(self) -> dict[str, str]:
        """JSON-ready values."""
        values = {"id": self.id, "name": self.name}
        return values if self.image is None else {**values, "image": self.image}

    def parent(self, role: str) -> dict[str, str | None]:
        """How a recipe names it among the pictures that another was made from."""
        return {"role": role, "image": self.image, "photo": self.id}


def photo_from(value: Any) -> PhotoRef | None:
    """A photo from a mapping or a `PhotoRef`."""
    return PhotoRef(**value) if isinstance(value, Mapping) else value


def photos_from(values: Iterable[Any] | None) -> tuple[PhotoRef, ...]:
    """Photos from mappings or `PhotoRef`s; None means none."""
    return tuple(photo for photo in map(photo_from, values or ()) if photo)


def photo_problems(field: str, photo: Any) -> list[Problem]:
    """Problems of what should be a `PhotoRef`."""
    if not isinstance(photo, PhotoRef):
        return [Problem(field, "There must be a picture. Choose a file, or one of the gallery.")]
    if not isinstance(photo.id, str) or not _ID.fullmatch(photo.id):
        return [Problem(field, f"{photo.name} must be kept first. Choose its file again.")]
    return []
