"""What can be asked about CycleGANs: training one."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from engine.errors import InvalidRequest, Problem

_RUN = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainCycleGan:
    """Begin a prepared training, or go on with it.

    Attributes:
        run: name of its folder in STUDIO_HOME/runs; everything else is written there.
        name: of the pair of translators, for people.

    Raises:
        InvalidRequest: this cannot be the name of a run.
    """

    run: str
    name: str

    kind: ClassVar[str] = "train_cyclegan"

    def __post_init__(self) -> None:
        if not _RUN.fullmatch(self.run):
            text = f"A run's name has 1 to 100 letters, digits, dots, hyphens or underscores; got {self.run[:120]!r}."
            raise InvalidRequest([Problem("run", f"{text} Copy it anew.")])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


def train_cyclegan(values: Mapping[str, Any]) -> TrainCycleGan:
    """Build the request from JSON-like values."""
    return TrainCycleGan(**values)
