"""Room on the disk for a training's checkpoints, asked for before hours are spent."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from engine.errors import StudioError

SPARE_BYTES = 20_000_000  # for curves and sheets, and so that the disk is not full to the last byte
MOMENTS = 2  # that Adam keeps of each weight, from its first step on


def require_room(folder: Path, state: Mapping[str, Any], has_one: bool) -> None:
    """Stop a training whose checkpoint could not be written: a new one stands beside the last one for a moment.

    Args:
        state: what a checkpoint holds, by name.
        has_one: whether the folder has a checkpoint already.

    Raises:
        StudioError: too little disk is free.
    """
    size = sum(_bytes_of(part) for part in state.values())
    needed = size * (1 if has_one else 2) + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StudioError(
            f"This training needs {needed / 1e6:,.0f} MB on the disk for its checkpoints; {free / 1e6:,.0f} MB are "
            f"free in {folder}. Free some space and begin it again; nothing was lost."
        )


def _bytes_of(part: Any) -> int:
    if isinstance(part, Optimizer) and not part.state:
        weights: Iterable[Tensor] = (weight for group in part.param_groups for weight in group["params"])
        return MOMENTS * sum(weight.nbytes for weight in weights)
    return _bytes_in(part.state_dict())


def _bytes_in(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.nbytes
    if isinstance(value, Mapping):
        return sum(map(_bytes_in, value.values()))
    return sum(map(_bytes_in, value)) if isinstance(value, (list, tuple)) else 0
