"""What can be asked for: one picture made again from its recipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.errors import InvalidRequest, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduce:
    """A picture of the gallery made again, to be compared with it.

    Attributes:
        image: id of the picture.
        asked: what made it, a request of its own kind for that one picture.
    """

    image: str
    asked: Any

    kind: ClassVar[str] = "reproduce"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return {"image": self.image, "of": self.asked.kind, "asked": self.asked.to_dict()}


def refused(text: str) -> InvalidRequest:
    """Why a picture cannot be made again."""
    return InvalidRequest([Problem("image", text)])


def require_mapping(asked: Any) -> Mapping[str, Any]:
    """The values of the inner request. Raises InvalidRequest where they are none."""
    if not isinstance(asked, Mapping):
        raise refused(f"What made the picture must be the values of a request; got {str(asked)[:60]!r}.")
    return asked
