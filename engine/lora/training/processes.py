"""One process, or as many as `accelerate launch` started: precision, and what they must agree on.

The LoRA is a few million numbers, so its gradients are averaged in one message per step (`Ranks.mean_gradients`)
and the frozen model needs no wrapper; it then also draws the validation pictures as it is.
"""

import os

import torch
from accelerate import Accelerator, PartialState

from engine.device import Device, choose
from engine.training.parallel import Ranks


def own_device(setting: str = "") -> Device:
    """The device of this process: with several, each has a GPU of its own.

    Args:
        setting: as in `STUDIO_DEVICE`; "cpu" holds for all.
    """
    rank = os.environ.get("LOCAL_RANK")
    launched = rank is not None and setting in ("", "cuda") and torch.cuda.is_available()
    return choose(f"cuda:{rank}" if launched else setting)


def own_ranks(device: Device) -> Ranks:
    """This process among those that `accelerate launch` started, once they have met; alone without it."""
    state = PartialState(cpu=not device.is_cuda)
    return Ranks(state.process_index, state.num_processes, device.torch_device)


def is_first() -> bool:
    """Whether this process writes the run's files; known before the processes have met."""
    return int(os.environ.get("RANK", "0")) == 0


def accelerator_of(device: Device, gradient_accumulation: int) -> Accelerator:
    """float16 mixed precision on a GPU (a T4 has no bfloat16), float32 on a CPU; nothing is moved."""
    accelerator = Accelerator(
        mixed_precision="fp16" if device.is_cuda else "no", cpu=not device.is_cuda, device_placement=False
    )
    # Not as an argument: `accelerate launch` may bring a number of its own, which would win.
    accelerator.gradient_accumulation_steps = gradient_accumulation
    return accelerator
