"""What can be asked about LoRAs: training one, and measuring whether it helps."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from engine.errors import InvalidRequest, Problem
from engine.rules import real, whole

_RUN = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainLora:
    """Begin a prepared training run, or go on with it.

    Attributes:
        run: name of its folder in STUDIO_HOME/runs; everything else is written there.
        name: of the LoRA, for people.

    Raises:
        InvalidRequest: this cannot be the name of a run.
    """

    run: str
    name: str

    kind: ClassVar[str] = "train_lora"

    def __post_init__(self) -> None:
        if problems := _run_problems(self.run):
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateLora:
    """Draw the held-out captions with and without a LoRA, from the same seeds, and measure both.

    Attributes:
        lora: its name in the catalogue.
        evaluation: name of the folder in STUDIO_HOME/evaluations, where captions and pictures are listed.
        model: name of the model in the catalogue.
        weight: of the LoRA, -2 to 2.
        num_inference_steps, guidance_scale: for all pictures.
        seeds: pictures for each caption, 1 to 16.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    lora: str
    evaluation: str
    model: str
    weight: float = 1.0
    num_inference_steps: int = 25
    guidance_scale: float = 7.5
    seeds: int = 1

    kind: ClassVar[str] = "evaluate_lora"

    def __post_init__(self) -> None:
        problems: list[Problem] = [
            *_run_problems(self.evaluation),
            *real("weight", self.weight, -2, 2),
            *whole("num_inference_steps", self.num_inference_steps, 1, 150),
            *real("guidance_scale", self.guidance_scale, 1, 30),
            *whole("seeds", self.seeds, 1, 16),
        ]
        if problems:
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


def train_lora(values: Mapping[str, Any]) -> TrainLora:
    """Build the request from JSON-like values."""
    return TrainLora(**values)


def evaluate_lora(values: Mapping[str, Any]) -> EvaluateLora:
    """Build the request from JSON-like values."""
    return EvaluateLora(**values)


def _run_problems(name: str) -> list[Problem]:
    if _RUN.fullmatch(name):
        return []
    text = f"A run's name has 1 to 100 letters, digits, dots, hyphens or underscores; got {name[:120]!r}. Copy it anew."
    return [Problem("run", text)]
