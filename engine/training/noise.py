"""Noise for training a diffusion model: noisy latents, which timesteps a batch sees, and how much each counts."""

import torch
from torch import Tensor

TIMESTEPS = 1000  # of the noise schedule of Stable Diffusion


def noised(clean: Tensor, noise: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Noisy latents, and v = sqrt(a) noise - sqrt(1 - a) clean.

    Args:
        alpha: (N,) cumulative product of the alphas at each timestep.
    """
    signal, spread = alpha.sqrt()[:, None, None, None], (1 - alpha).sqrt()[:, None, None, None]
    return signal * clean + spread * noise, signal * noise - spread * clean


def min_snr_weights(alphas: Tensor, gamma: float) -> Tensor:
    """min(SNR, gamma) / (SNR + 1) for v-prediction (Hang et al. 2023, section 3.4), scaled to mean 1.

    Args:
        alphas: (timesteps,) cumulative products.
    """
    snr = alphas / (1 - alphas)
    weights = snr.clamp(max=gamma) / (snr + 1)
    return weights / weights.mean()


def even_timesteps(count: int, generator: torch.Generator) -> Tensor:
    """(N,) int64: one random timestep from each of N equal ranges, in random order (Kingma et al. 2021, I.1)."""
    device = generator.device
    places = (torch.arange(count, device=device) + torch.rand((), generator=generator, device=device)) / count
    order = torch.randperm(count, generator=generator, device=device)
    return (places * TIMESTEPS).long().clamp(max=TIMESTEPS - 1)[order]
