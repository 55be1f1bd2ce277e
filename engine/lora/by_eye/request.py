"""What can be asked: the checkpoints of a run, drawn from the same prompts and seeds, for one person to judge blind."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from engine.diffusion.request import GUIDANCE_SCALE, LORA_WEIGHT, STEPS
from engine.errors import InvalidRequest, Problem
from engine.lora.requests import checkpoint_problems, run_problems, several_problems
from engine.opinions.study import BEST, MOST_METHODS, MOST_TRIALS, PAIRS, trials_of
from engine.rules import Whole, text

ROUNDS = {PAIRS: "Two at a time", BEST: "All at once"}
MOST_PROMPTS = 16
OFFERED_PROMPTS, OFFERED_CHECKPOINTS = 6, 4  # where nobody says; 6 is the fewest that can tell, see `opinions.alone`
MOST_CHECKPOINTS = MOST_METHODS - 1
PICTURES = Whole(1, 4, default=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeByEye:
    """Draw checkpoints of a run from the same prompts and seeds, and make a study of it for one person at home.

    Attributes:
        run: name of its folder in STUDIO_HOME/runs.
        name: of the LoRA, for people.
        study: the id that the study will have, a ULID; the drawings lie in STUDIO_HOME/evaluations under it meanwhile.
        checkpoints: 1 to 11 names such as "step-000100", "best" and "last"; two methods or more with `alone`.
        prompts: 1 to 16.
        seeds: pictures for each prompt, `PICTURES`.
        weight: of the LoRA, `LORA_WEIGHT`.
        alone: whether the model without the LoRA is hidden among them.
        rounds: "pairs" (two at a time) or "best" (all at once).
        num_inference_steps, guidance_scale: for all pictures.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    run: str
    name: str
    study: str
    checkpoints: tuple[str, ...]
    prompts: tuple[str, ...]
    seeds: int = PICTURES.default
    weight: float = LORA_WEIGHT.default
    alone: bool = True
    rounds: str = PAIRS
    num_inference_steps: int = STEPS.default
    guidance_scale: float = GUIDANCE_SCALE.default

    kind: ClassVar[str] = "judge_by_eye"

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkpoints", tuple(self.checkpoints))
        object.__setattr__(self, "prompts", tuple(self.prompts))
        problems = [
            *run_problems(self.run),
            *run_problems(self.study),
            *several_problems("checkpoints", self.checkpoints, MOST_CHECKPOINTS, "A choice"),
            *(problem for name in self.checkpoints for problem in checkpoint_problems("checkpoints", name)),
            *_prompts(self.prompts),
            *PICTURES.problems("seeds", self.seeds),
            *LORA_WEIGHT.problems("weight", self.weight),
            *STEPS.problems("num_inference_steps", self.num_inference_steps),
            *GUIDANCE_SCALE.problems("guidance_scale", self.guidance_scale),
            *_rounds(self.rounds),
        ]
        if problems := problems or self._together():
            raise InvalidRequest(problems)

    def _together(self) -> list[Problem]:
        """What single values that keep their rules break between them."""
        methods = len(self.checkpoints) + self.alone
        if methods < 2:
            text = "To choose there must be two checkpoints, or one and the model without the LoRA; got one alone."
            return [Problem("checkpoints", text)]
        asked = self.questions
        if asked > MOST_TRIALS:
            text = f"These would be {asked} questions; {MOST_TRIALS} are the most. Take fewer prompts or checkpoints"
            return [Problem("prompts", f"{text}, or all at once.")]
        return []

    @property
    def repeats(self) -> int:
        """How many questions come a second time, hidden, to see whether the same is chosen."""
        return repeats_of(self.rounds, len(self.checkpoints) + self.alone, len(self.prompts) * self.seeds)

    @property
    def questions(self) -> int:
        """How many times a choice is asked for."""
        contents = len(self.prompts) * self.seeds
        return trials_of(self.rounds, len(self.checkpoints) + self.alone, contents, self.repeats)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self) | {"checkpoints": list(self.checkpoints), "prompts": list(self.prompts)}


def judge_by_eye(values: Mapping[str, Any]) -> JudgeByEye:
    """Build the request from JSON-like values."""
    return JudgeByEye(**values)


def repeats_of(rounds: str, methods: int, contents: int) -> int:
    """How many questions such rounds repeat."""
    return min(4, trials_of(rounds, methods, contents, 0) // 4)


def _prompts(prompts: tuple[str, ...]) -> list[Problem]:
    broken = [problem for prompt in prompts for problem in text("prompt", prompt, required=True)]
    if broken:
        return [Problem("prompts", broken[0].message)]
    if 1 <= len(prompts) <= MOST_PROMPTS and len(set(prompts)) == len(prompts):
        return []
    return [Problem("prompts", f"Prompts must be 1 to {MOST_PROMPTS}, each once; got {len(prompts)}.")]


def _rounds(rounds: str) -> list[Problem]:
    if rounds in ROUNDS:
        return []
    return [Problem("rounds", f"Rounds are one of {', '.join(ROUNDS)}; got {rounds!r}.")]
