"""How large the tiles of a big photo are: as memory allows, by what a generator holds for each pixel.

The border of a tile is computed and thrown away, so large tiles cost less. The size is one of few, the largest that
fits into half of the free memory: wherever there is as much, the same photo is cut in the same way.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from engine.translation.tiles import Plan

# Bytes for a tile with its border; with the largest, a photo of 6000 x 4000 stays within 4 GB in all.
BUDGETS = (2_500_000_000, 1_250_000_000)
SHARE = 0.5  # of the free memory
MULTIPLE = 32  # of all sizes, so that every generator's multiple divides them
PROBE = 64  # pixels of a small picture's side, from which the memory of larger ones is told


def with_large_tiles(plan: Plan, model: nn.Module, free_bytes: int) -> Plan:
    """The plan with the largest tiles that fit; `plan.tile` where memory is scarce."""
    budget = next((budget for budget in BUDGETS if budget <= SHARE * free_bytes), 0)
    side = math.isqrt(int(budget / bytes_a_pixel(model, plan))) - 2 * plan.reach
    return replace(plan, tile=max(plan.tile, side - side % MULTIPLE))


@torch.inference_mode()
def bytes_a_pixel(model: nn.Module, plan: Plan) -> float:
    """Bytes that the widest layer holds for a pixel of the photo: what it reads, what it gives, and its working space.

    Found by translating one small grey picture.
    """
    side = max(PROBE, math.ceil(plan.smallest / plan.multiple) * plan.multiple)
    weight = next(model.parameters())
    photo = weight.new_zeros(1, 3, side, side)
    most = 0

    def look(_module: nn.Module, given: tuple[object, ...], made: object) -> None:
        nonlocal most
        most = max(most, _bytes(given) + 2 * _bytes((made,)))

    hooks = [module.register_forward_hook(look) for module in model.modules()]
    try:
        model(photo)
    finally:
        for hook in hooks:
            hook.remove()
    return most / side**2


def _bytes(values: tuple[object, ...]) -> int:
    return sum(value.nbytes for value in values if isinstance(value, Tensor))
