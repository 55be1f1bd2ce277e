"""What can be asked: captions for the pictures of a folder."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from engine.errors import InvalidRequest, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionPictures:
    """Have BLIP write captions into captions.csv of a folder.

    Attributes:
        folder: of the pictures, as an absolute path.
        everything: also for pictures that have a caption, which then gives way.
        rules: TOML file of rules that extend the new captions; empty leaves them as BLIP wrote them.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    folder: str
    everything: bool = False
    rules: str = ""

    kind: ClassVar[str] = "caption_pictures"

    def __post_init__(self) -> None:
        given = {"folder": self.folder, "rules": self.rules}
        problems = [
            Problem(name, f"This must be a path; got {value!r}.")
            for name, value in given.items()
            if not isinstance(value, str) or "\0" in value
        ]
        if not isinstance(self.everything, bool):
            problems.append(Problem("everything", f"Whether all are captioned is yes or no; got {self.everything!r}."))
        if problems:
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


def caption_pictures(values: Mapping[str, Any]) -> CaptionPictures:
    """Build the request from JSON-like values."""
    return CaptionPictures(**values)
