"""What can be asked of an upscaler: an immutable value, validated when it is made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from engine.errors import InvalidRequest, Problem
from engine.kept_photos import PhotoRef, photo_problems, photos_from
from engine.rules import field_label

MOST_PICTURES = 50
FACTORS = (2, 4)
DEFAULT_UPSCALER = "realesr-animevideov3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upscale:
    """Pictures made larger.

    Attributes:
        photos: 1 to 50 kept photos or pictures of the gallery.
        factor: how much wider and higher, one of `FACTORS`.
        upscaler: name of an upscaler in the catalogue.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    photos: tuple[PhotoRef, ...]
    factor: int = 2
    upscaler: str = DEFAULT_UPSCALER

    kind: ClassVar[str] = "upscale"

    def __post_init__(self) -> None:
        problems = upscale_problems({name: getattr(self, name) for name in self.__slots__})
        if problems:
            raise InvalidRequest(problems)

    def of(self, index: int) -> "Upscale":
        """The request for one of its pictures alone."""
        return replace(self, photos=(self.photos[index],))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self) | {"photos": [photo.to_dict() for photo in self.photos]}


def upscale(values: Mapping[str, Any]) -> Upscale:
    """Build the request from JSON-like values (photos as mappings)."""
    return Upscale(**{**values, "photos": photos_from(values.get("photos"))})


def upscale_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Every rule of `Upscale` that these values break, those of the upscaler aside."""
    return [*_pictures(values["photos"]), *_factor(values["factor"]), *_named(values["upscaler"])]


def _factor(value: Any) -> list[Problem]:
    if type(value) is int and value in FACTORS:
        return []
    factors = " or ".join(map(str, FACTORS))
    return [Problem("factor", f"{field_label('factor')} must be {factors} times; got {value!r}.")]


def _named(value: Any) -> list[Problem]:
    return [] if isinstance(value, str) else [Problem("upscaler", f"An upscaler is named by a text; got {value!r}.")]


def _pictures(photos: tuple[PhotoRef, ...]) -> list[Problem]:
    if not photos:
        return [Problem("photos", "There must be a picture. Choose one or more files.")]
    if len(photos) > MOST_PICTURES:
        text = f"At most {MOST_PICTURES} pictures go into one job; got {len(photos)}. Leave some out."
        return [Problem("photos", text)]
    return [problem for photo in photos for problem in photo_problems("photos", photo)]
