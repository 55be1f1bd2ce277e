"""What makes a draft of a drawing, and for which models drafts are offered."""

from collections.abc import Iterable
from dataclasses import replace

from engine.diffusion.request import LoraWeight, TextToImage
from engine.settings import EMBEDDED_MODEL
from engine.weights.catalogue.few_steps import SAMPLERS, TURBO
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo

LORA = "turbo-draft"  # ships for the small model
LORA_STEPS = 4
STEPS = 6
SCHEDULER = "DPM++ 2M"  # of those looked at the nearest to the full drawing at 6 and 8 steps, see docs/drawing.md
FEW_STEPS = 8  # a drawing of no more is its own draft
SMALL_SIDE = 256  # pixels; a model of that size draws a draft in a fraction of a second on a processor too


def has_drafts(model: ModelInfo, accelerated: bool) -> bool:
    """Whether a draft comes while one still looks at what one typed."""
    return model.available and (accelerated or 0 < model.native_size <= SMALL_SIDE)


def draft_of(request: TextToImage, loras: Iterable[LoraInfo] = ()) -> TextToImage:
    """The request for a first look at it: one image in few steps, as large as it is drawn.

    Args:
        loras: that are here.
    """
    first = replace(request.with_seed().alone(0), enlarged=1)
    if first.num_inference_steps <= FEW_STEPS:
        return first
    if _may_wear(first) and any(lora.name == LORA and lora.few_steps == TURBO and not lora.problem for lora in loras):
        return replace(
            first,
            num_inference_steps=LORA_STEPS,
            scheduler=SAMPLERS[TURBO],
            guidance_scale=1.0,
            loras=(LoraWeight(LORA),),
            loras_merged=True,
        )
    return replace(first, num_inference_steps=STEPS, scheduler=SCHEDULER)


def _may_wear(request: TextToImage) -> bool:
    """Whether the LoRA that ships shows what the request means: without guidance a negative prompt counts for nothing,
    and how it goes with other LoRAs and at other sizes than it learnt from nobody knows.
    """
    plain = not request.negative_prompt and not request.loras
    return request.model == EMBEDDED_MODEL and plain and (request.width, request.height) == (SMALL_SIDE, SMALL_SIDE)
