"""What a diffusion model is asked to predict, and how much each timestep counts."""

from dataclasses import dataclass

import torch
from diffusers import SchedulerMixin
from torch import Tensor

from engine.errors import InvalidRequest, Problem
from engine.lora.runs.config import Config
from engine.training.noise import TIMESTEPS, even_timesteps, min_snr_weights, noised

EPSILON, V_PREDICTION = "epsilon", "v_prediction"


@dataclass(frozen=True)
class Objective:
    """The training task of one model.

    Attributes:
        alphas: (timesteps,) cumulative products of the noise schedule, float32 on the CPU.
        weights: (timesteps,) of the loss, mean 1.
        prediction_type: "epsilon" (Ho et al. 2020) or "v_prediction" (Salimans and Ho 2022).
        noise_offset: see `Config`.
    """

    alphas: Tensor
    weights: Tensor
    prediction_type: str
    noise_offset: float

    def draw_timesteps(self, count: int, generator: torch.Generator) -> Tensor:
        """(N,) int64, spread evenly over the schedule."""
        return even_timesteps(count, generator) * len(self.alphas) // TIMESTEPS

    def draw_noise(self, latents: Tensor, generator: torch.Generator) -> Tensor:
        """Noise of the latents' shape, on the CPU."""
        noise = torch.randn(latents.shape, generator=generator)
        if self.noise_offset:
            noise += self.noise_offset * torch.randn((*latents.shape[:2], 1, 1), generator=generator)
        return noise

    def noised(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Noisy latents, and what the model should make of them; all (N, C, h, w) float32 on one device."""
        noisy, velocity = noised(latents, noise, self.alphas[timesteps].to(latents.device))
        return noisy, velocity if self.prediction_type == V_PREDICTION else noise


def objective_of(scheduler: SchedulerMixin, config: Config) -> Objective:
    """The task that the model was trained for, as its scheduler's configuration says.

    Raises:
        InvalidRequest: it predicts the picture itself ("sample"), for which no loss is known to work here.
    """
    prediction_type = scheduler.config.prediction_type
    if prediction_type not in (EPSILON, V_PREDICTION):
        raise InvalidRequest(
            [
                Problem(
                    "model",
                    f"A LoRA can be trained for models that predict {EPSILON} or {V_PREDICTION}; this one predicts "
                    f"{prediction_type!r}. Choose another model.",
                )
            ]
        )
    alphas = scheduler.alphas_cumprod.float().cpu()
    return Objective(
        alphas, loss_weights(alphas, prediction_type, config.min_snr_gamma), prediction_type, config.noise_offset
    )


def loss_weights(alphas: Tensor, prediction_type: str, gamma: float | None) -> Tensor:
    """(timesteps,) with mean 1: all ones without gamma, else min-SNR (Hang et al. 2023, section 3.4).

    The weight is min(SNR, gamma) / (SNR + 1) for v and min(SNR, gamma) / SNR for epsilon; the two differ by the
    factor (SNR + 1) / SNR = 1 / alpha.
    """
    if gamma is None:
        return torch.ones_like(alphas)
    weights = min_snr_weights(alphas, gamma)
    if prediction_type == EPSILON:
        weights = weights / alphas
    return weights / weights.mean()


def loss_denoising(preds: Tensor, target: Tensor) -> Tensor:
    """(N,) mean square error of each of (N, C, h, w), in float32."""
    return (preds.float() - target.float()).square().mean((1, 2, 3))
