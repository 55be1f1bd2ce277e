"""What fits badly between a model, or a LoRA, and the steps, guidance and scheduler that it was made for."""

from collections.abc import Iterable, Iterator

from engine.diffusion.request import NO_GUIDANCE
from engine.rules import counted
from engine.weights.catalogue.few_steps import LCM, TURBO
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo

MOST_TURBO, MOST_TURBO_LORA, MOST_LCM, LCM_GUIDANCE = 4, 8, 8, 2  # the most that they were made for
FEW = 8  # up to so many steps an ordinary model's pictures stay flat


def misfits(
    steps: int, guidance: float, scheduler: str, model: ModelInfo, loras: Iterable[LoraInfo] = ()
) -> Iterator[str]:
    """A sentence for each value that the model was not made for.

    Args:
        steps, guidance, scheduler: of a drawing; each keeps its own rule.
        loras: that are applied, at a weight other than 0.
    """
    quick = next((lora for lora in loras if lora.few_steps), None)
    title = model.title.partition(" (")[0]
    called = f"LoRA {quick.name}" if quick else title
    if model.few_steps == TURBO:
        yield from _turbo(steps, guidance, scheduler, title)
    elif quick and quick.few_steps == TURBO and not model.few_steps:
        yield from _turbo(steps, guidance, scheduler, called, MOST_TURBO_LORA)
    elif model.few_steps == LCM or quick:
        yield from _lcm(steps, guidance, scheduler, called, told=model.guidance_embedding and not quick)
    elif scheduler == "LCM":
        yield (
            f"LCM is for models and LoRAs that were made for few steps; {title} is none, and its pictures come out "
            "soft and flat. Choose another scheduler, or an LCM LoRA for this model."
        )
    elif scheduler == "Turbo" and steps <= FEW:
        yield (
            f"In {counted(steps, 'step')} Turbo draws well with models that were made for it, such as SD-Turbo; "
            f"{title} is none, and its pictures come out soft and flat. Use 20 steps or more."
        )


def _turbo(steps: int, guidance: float, scheduler: str, called: str, most: int = MOST_TURBO) -> Iterator[str]:
    if scheduler != "Turbo":
        yield f"{called} was made for the scheduler Turbo; with {scheduler} noise may stay in its pictures."
    if steps > most:
        yield f"{called} was made for 1 to {most} steps; {steps} take longer and do not make it better."
    if guidance > NO_GUIDANCE:
        yield f"{called} was made to draw without guidance (0); at {guidance:g} its colours burn out."


def _lcm(steps: int, guidance: float, scheduler: str, called: str, told: bool) -> Iterator[str]:
    """`told`: the UNet is told the guidance scale."""
    if scheduler != "LCM":
        yield f"{called} was made for the scheduler LCM; with {scheduler} the pictures come out rough."
    if steps > MOST_LCM:
        yield f"{called} was made for 4 to {MOST_LCM} steps; {steps} take longer and do not make it better."
    if told and guidance <= NO_GUIDANCE:
        yield f"{called} is told the guidance scale, about 8; at {guidance:g} it hardly follows the prompt."
    elif not told and guidance > LCM_GUIDANCE:
        yield f"{called} was made for a guidance scale of 1 to {LCM_GUIDANCE}; at {guidance:g} the colours burn out."
