"""What can be asked about CycleGANs: training one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from engine.translation.training_runs import require_run


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
        require_run(self.run)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


def train_cyclegan(values: Mapping[str, Any]) -> TrainCycleGan:
    """Build the request from JSON-like values."""
    return TrainCycleGan(**values)
