"""What can be asked about networks that measure pictures."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from engine.errors import InvalidRequest, Problem


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
