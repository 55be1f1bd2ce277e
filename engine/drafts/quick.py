"""What makes a draft of a drawing, and for which models drafts are offered."""

from dataclasses import replace

from engine.diffusion.request import TextToImage
from engine.weights.models import ModelInfo

STEPS = 6
SCHEDULER = "DPM++ 2M"  # of those looked at the nearest to the full drawing at 6 and 8 steps, see docs/drawing.md
FEW_STEPS = 8  # a drawing of no more is its own draft
SMALL_SIDE = 256  # pixels; a model of that size draws a draft in a fraction of a second on a processor too


def has_drafts(model: ModelInfo, accelerated: bool) -> bool:
    """Whether a draft comes while one still looks at what one typed."""
    return model.available and (accelerated or 0 < model.native_size <= SMALL_SIDE)


def draft_of(request: TextToImage) -> TextToImage:
    """The request for a first look at it: one image in few steps, as large as it is drawn."""
    steps, scheduler = request.num_inference_steps, request.scheduler
    if steps > FEW_STEPS:
        steps, scheduler = STEPS, SCHEDULER
    first = request.with_seed().alone(0)
    return replace(first, num_inference_steps=steps, scheduler=scheduler, enlarged=1)
