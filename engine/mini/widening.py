"""A wide autoencoder that begins as a narrow one; see `engine.training.widening`."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from diffusers import AutoencoderKL

from engine.errors import InvalidRequest, Problem
from engine.training.widening import shared_out


@torch.no_grad()
def widened_autoencoder(narrow: AutoencoderKL, widths: Sequence[int], generator: torch.Generator) -> AutoencoderKL:
    """An autoencoder with more channels in its blocks that computes the same, up to rounding.

    Norms keep their numbers because every channel of a layer is copied equally often.

    Args:
        widths: of the blocks, the one at full size first; multiples of the narrow one's. The last must stay, for its
            attention has a scale, and neighbours may be equal only where they were, for a block has another layer
            where its width changes.

    Raises:
        InvalidRequest: they are not such.
    """
    channels = narrow.config["block_out_channels"]
    possible = (
        len(widths) == len(channels)
        and widths[-1] == channels[-1]
        and all(wide % channel == 0 for wide, channel in zip(widths, channels, strict=True))
        and [a == b for a, b in pairwise(widths)] == [a == b for a, b in pairwise(channels)]
    )
    if not possible:
        text = (
            f"An autoencoder's widths {list(channels)} can grow to multiples, except the last, and neighbours must not "
            f"become equal; got {list(widths)}."
        )
        raise InvalidRequest([Problem("widths", text)])
    settings = {name: value for name, value in narrow.config.items() if not name.startswith("_")}  # not where it lay
    wide = AutoencoderKL.from_config(settings, block_out_channels=list(widths))
    parts = dict(narrow.named_parameters())
    for name, to in wide.named_parameters():
        weight = parts[name]
        if weight.ndim > 1:
            weight = shared_out(weight, to.shape[1] // weight.shape[1], generator)
        to.copy_(weight.repeat_interleave(to.shape[0] // weight.shape[0], 0))
    return wide
