"""Sizes of VQ-I2I's networks beside the published ones, which are their defaults. Imports no torch."""

from typing import Any

# For CPUs and tests: 2,372,454 parameters.
SMALL: dict[str, Any] = {
    "intermediate_channels": 32,
    "style_dim": 16,
    "z_channels": 16,
    "n_embed": 32,
    "embed_dim": 32,
    "mult": (1, 2),
    "resblocks": 1,
    "attn_resolutions": (16,),
    "dropout": 0.0,
    "resolution": 32,
    "n_adaresblock": 2,
}
