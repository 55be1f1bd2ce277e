"""What can be asked about weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchModel:
    """Download the weights of a known model from the model hub."""

    model: str

    kind: ClassVar[str] = "fetch_model"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


def fetch_model(values: Mapping[str, Any]) -> FetchModel:
    """Build the request from JSON-like values."""
    return FetchModel(**values)
