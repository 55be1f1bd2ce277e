"""The noise that a picture is drawn from."""

import torch
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from engine.diffusion.request import TextToImage, variation_seed_of
from engine.seeding import generator_of


def varied_noise(
    request: TextToImage,
    index: int,
    shape: tuple[int, ...],
    generator: torch.Generator,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    """The noise of one image of a request, with its variation mixed in.

    Args:
        index: of the image.
        shape: (1, C, h, w) of the latents.
        generator: of the image's seed, fresh; it goes on behind these numbers, as it does without a variation.

    Returns:
        As `shape`, of a standard normal distribution.
    """
    noise = randn_tensor(shape, generator=generator, device=device, dtype=dtype)
    if not request.variation_strength:
        return noise
    other = randn_tensor(shape, generator=generator_of(variation_seed_of(request, index)), device=device, dtype=dtype)
    return slerp(noise.float(), other.float(), request.variation_strength).to(dtype)


def slerp(low: Tensor, high: Tensor, share: float) -> Tensor:
    """Spherical interpolation as AUTOMATIC1111 does it (`modules/rng.py`), so that its recipes mean the same here.

    The angle is taken between the columns of each channel.

    Args:
        low, high: (N, C, h, w) float32.
        share: 0 gives `low`, 1 gives `high`.
    """
    axis = 2
    cosine = (_unit(low, axis) * _unit(high, axis)).sum(axis, keepdim=True).clamp(-1, 1)
    omega = torch.acos(cosine)
    sine = torch.sin(omega)
    mixed = (torch.sin((1 - share) * omega) * low + torch.sin(share * omega) * high) / sine
    # Where both point the same way there is no angle to divide by, and the straight line is the same.
    return torch.where(sine.abs() < 1e-4, torch.lerp(low, high, share), mixed)


def _unit(x: Tensor, axis: int) -> Tensor:
    return x / torch.linalg.vector_norm(x, dim=axis, keepdim=True).clamp_min(1e-12)
