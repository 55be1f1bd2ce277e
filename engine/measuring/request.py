"""What can be asked: networks that measure or caption pictures, and how far two folders are from each other."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from engine.errors import InvalidRequest, Problem

_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchNetwork:
    """Bring a network that measures pictures to this machine.

    Attributes:
        network: its name in `engine.metrics.published.catalogue`.
        folder: where its files lie on this machine already; empty downloads them from their authors' pages.

    Raises:
        InvalidRequest: these are no texts.
    """

    network: str
    folder: str = ""

    kind: ClassVar[str] = "fetch_network"

    def __post_init__(self) -> None:
        given = {"network": self.network, "folder": self.folder}
        wrong = [name for name, value in given.items() if not isinstance(value, str) or "\0" in value]
        if wrong:
            raise InvalidRequest([Problem(name, f"This must be a text; got {given[name]!r}.") for name in wrong])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


def fetch_network(values: Mapping[str, Any]) -> FetchNetwork:
    """Build the request from JSON-like values."""
    return FetchNetwork(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareFolders:
    """Measure how far the pictures of two folders are from each other.

    Attributes:
        comparison: the id of its report, a ULID; it lies in STUDIO_HOME/evaluations under it.
        one, other: the folders, as absolute paths.
        leave_out_broken: whether to go on without files that cannot be read.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    comparison: str
    one: str
    other: str
    leave_out_broken: bool = False

    kind: ClassVar[str] = "compare_folders"

    def __post_init__(self) -> None:
        problems = [
            Problem(name, f"A folder is a path; got {value!r}.")
            for name, value in (("one", self.one), ("other", self.other))
            if not isinstance(value, str) or not value or "\0" in value
        ]
        if not isinstance(self.comparison, str) or not _ID.fullmatch(self.comparison):
            problems.append(Problem("comparison", f"A comparison has an id of 26 letters; got {self.comparison!r}."))
        if not isinstance(self.leave_out_broken, bool):
            text = f"Whether broken files are left out is yes or no; got {self.leave_out_broken!r}."
            problems.append(Problem("leave_out_broken", text))
        if problems:
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


def compare_folders(values: Mapping[str, Any]) -> CompareFolders:
    """Build the request from JSON-like values."""
    return CompareFolders(**values)
