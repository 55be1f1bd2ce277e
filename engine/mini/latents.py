"""Latents of all pictures, made once: what the denoiser learns from.

The channels of an autoencoder's latents differ in mean and spread, which a diffusion model with one noise
schedule learns badly. A change of scale per channel is folded into the 1x1 convolutions around the latents,
so the file that ships needs nothing but `scaling_factor` 1.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from engine.files import replacing
from engine.images import from_array
from engine.mini.autoencoder import mean_latents
from engine.scenes.shards import SceneData, made_path, read_made
from engine.training.parallel import Ranks

EXPONENT = 0.5  # of a channel's spread: 0 makes all equal and so raises the noise in faint channels, 1 leaves them
SHARPNESS = -12.0  # log-variance of the encoder that ships: its samples lie within a hundredth of their mean


@torch.no_grad()
def balance(model: AutoencoderKL, pictures: np.ndarray) -> None:
    """Give the latents mean 0 per channel, more even spread, and mean square 1 in all.

    Args:
        model: changed in place; what it reconstructs stays the same.
        pictures: (N, H, W, 3) uint8, enough to know the means.
    """
    mu = torch.cat(
        [_contiguous_latents(model, from_array(batch)) for batch in np.array_split(pictures, -(-len(pictures) // 8))]
    )
    mean, spread = mu.mean((0, 2, 3)), mu.std((0, 2, 3)).clamp(min=1e-3)  # a dead channel stays dead
    wanted = spread**EXPONENT
    wanted /= wanted.square().mean().sqrt()
    factor = wanted / spread
    channels = len(factor)
    encode, decode = model.quant_conv, model.post_quant_conv
    decode.bias += (decode.weight[:, :, 0, 0] * mean).sum(1)
    decode.weight /= factor[None, :, None, None]
    encode.weight[:channels] *= factor[:, None, None, None]
    encode.bias[:channels] = (encode.bias[:channels] - mean) * factor
    encode.weight[channels:] = 0.0
    encode.bias[channels:] = SHARPNESS


def encode_shards(ranks: Ranks, model: AutoencoderKL, data: SceneData, folder: Path) -> None:
    """Write the latents of every picture, (shard, C, h, w) float16 a file; the processes take turns."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model.to(ranks.device, memory_format=torch.channels_last)
    for shard in range(ranks.rank, data.shards, ranks.size):
        path = made_path(folder, data, shard)
        if path.exists():
            continue
        places = range(shard * data.shard, (shard + 1) * data.shard)
        batches = np.array_split(data.pictures(places), -(-data.shard // (4 if ranks.device.type == "cpu" else 64)))
        latents = torch.cat([_contiguous_latents(model, from_array(batch).to(ranks.device)).cpu() for batch in batches])
        with replacing(path) as file:
            np.save(file, latents.half().numpy())


def read_latents(folder: Path, data: SceneData) -> Tensor:
    """(N, C, h, w) float16 of all pictures.

    Raises:
        NotFound: they are not made yet.
    """
    return torch.from_numpy(read_made(folder, data, "latents"))


@torch.no_grad()
def _contiguous_latents(model: AutoencoderKL, pixels: Tensor) -> Tensor:
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    return mean_latents(model, pixels).contiguous()
