"""What can be asked about LoRAs: training one, measuring whether it helps, and which of its checkpoints to take."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from engine.diffusion.request import GUIDANCE_SCALE, LORA_WEIGHT, STEPS
from engine.errors import InvalidRequest, Problem
from engine.rules import Whole

_RUN = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
_CHECKPOINT = re.compile(r"[\w-]{1,100}")
WEIGHTS = (0.5, 0.75, 1.0)
MOST_CHECKPOINTS, MOST_WEIGHTS = 16, 8
SEEDS, CAPTIONS = Whole(1, 16, default=1), Whole(1, 16, default=4)


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
        if problems := run_problems(self.run):
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
        weight: of the LoRA, `LORA_WEIGHT`.
        num_inference_steps, guidance_scale: for all pictures.
        seeds: pictures for each caption, `SEEDS`.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    lora: str
    evaluation: str
    model: str
    weight: float = LORA_WEIGHT.default
    num_inference_steps: int = STEPS.default
    guidance_scale: float = GUIDANCE_SCALE.default
    seeds: int = SEEDS.default

    kind: ClassVar[str] = "evaluate_lora"

    def __post_init__(self) -> None:
        problems: list[Problem] = [
            *run_problems(self.evaluation),
            *LORA_WEIGHT.problems("weight", self.weight),
            *STEPS.problems("num_inference_steps", self.num_inference_steps),
            *GUIDANCE_SCALE.problems("guidance_scale", self.guidance_scale),
            *SEEDS.problems("seeds", self.seeds),
        ]
        if problems:
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraGrid:
    """Draw and measure the checkpoints of a run at several weights, from the same seeds, beside the model alone.

    Attributes:
        run: name of its folder in STUDIO_HOME/runs.
        name: of the LoRA, for people.
        evaluation: name of the folder in STUDIO_HOME/evaluations, where captions and pictures are listed.
        checkpoints: 1 to 16 names such as "step-000100", "best" and "last".
        weights: 1 to 8 numbers, `LORA_WEIGHT`; 0, the model alone, is always there and need not be named.
        captions: how many of the held-out captions are drawn, `CAPTIONS`.
        num_inference_steps, guidance_scale: for all pictures.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    run: str
    name: str
    evaluation: str
    checkpoints: tuple[str, ...]
    weights: tuple[float, ...] = WEIGHTS
    captions: int = CAPTIONS.default
    num_inference_steps: int = STEPS.default
    guidance_scale: float = GUIDANCE_SCALE.default

    kind: ClassVar[str] = "lora_grid"

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkpoints", tuple(self.checkpoints))
        object.__setattr__(self, "weights", tuple(self.weights))
        problems: list[Problem] = [
            *run_problems(self.run),
            *run_problems(self.evaluation),
            *several_problems("checkpoints", self.checkpoints, MOST_CHECKPOINTS),
            *(problem for name in self.checkpoints for problem in checkpoint_problems("checkpoints", name)),
            *several_problems("weights", [weight for weight in self.weights if weight != 0], MOST_WEIGHTS),
            *(problem for weight in self.weights for problem in LORA_WEIGHT.problems("weight", weight)),
            *CAPTIONS.problems("captions", self.captions),
            *STEPS.problems("num_inference_steps", self.num_inference_steps),
            *GUIDANCE_SCALE.problems("guidance_scale", self.guidance_scale),
        ]
        if problems:
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self) | {"checkpoints": list(self.checkpoints), "weights": list(self.weights)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteLora:
    """Make a checkpoint the LoRA that its run puts into the picker; what was there is kept in the run.

    Attributes:
        run: name of its folder in STUDIO_HOME/runs.
        name: of the LoRA, for people.
        checkpoint: such as "step-000300", "best" or "last".
        weight: that the picker suggests, `LORA_WEIGHT`.
        step: that the checkpoint was compared at, because "best" and "last" are others when a run went on;
            None takes what has that name now.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    run: str
    name: str
    checkpoint: str
    weight: float = LORA_WEIGHT.default
    step: int | None = None

    kind: ClassVar[str] = "promote_lora"

    def __post_init__(self) -> None:
        problems = [
            *run_problems(self.run),
            *checkpoint_problems("checkpoint", self.checkpoint),
            *LORA_WEIGHT.problems("weight", self.weight),
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


def lora_grid(values: Mapping[str, Any]) -> LoraGrid:
    """Build the request from JSON-like values."""
    return LoraGrid(**values)


def promote_lora(values: Mapping[str, Any]) -> PromoteLora:
    """Build the request from JSON-like values."""
    return PromoteLora(**values)


def several_problems(field: str, values: Sequence[Any], most: int, what: str = "A grid") -> list[Problem]:
    """Of names or numbers that are named each once, 1 to `most` of them."""
    if 1 <= len(values) <= most and len(set(values)) == len(values):
        return []
    other = " other than 0" if field == "weights" else ""
    listed = ", ".join(map(str, values)) or "none"
    return [Problem(field, f"{what} needs 1 to {most} {field}{other}, each once; got {listed}.")]


def checkpoint_problems(field: str, name: str) -> list[Problem]:
    """Of a checkpoint's name."""
    if _CHECKPOINT.fullmatch(name):
        return []
    text = f"A checkpoint's name has 1 to 100 letters, digits, hyphens or underscores; got {name[:120]!r}."
    return [Problem(field, f'{text} Take one that the run lists, such as "best".')]


def run_problems(name: str) -> list[Problem]:
    """Of a run's name, or an evaluation's."""
    if _RUN.fullmatch(name):
        return []
    text = f"A run's name has 1 to 100 letters, digits, dots, hyphens or underscores; got {name[:120]!r}. Copy it anew."
    return [Problem("run", text)]
