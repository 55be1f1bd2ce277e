"""Small pictures of an image while it is being drawn, without running the VAE.

A linear map from latent channels to RGB, fitted once per model, is good enough to see the composition.
"""

from dataclasses import dataclass, field
from functools import wraps

import torch
from diffusers import AutoencoderKL, SchedulerMixin
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from engine.images import to_pil

FIT_SIZE = 256  # pixels; enough places to fit up to 16 channels, encoded in a moment also on a CPU
LONGEST_SIDE = 384  # pixels of a preview; larger ones only cost time to write


@dataclass(frozen=True)
class LatentPreview:
    """RGB = weight @ latents + bias, at every place of the latents.

    Attributes:
        weight: (3, C) float32 on the CPU.
        bias: (3,) float32 on the CPU.
        factor: pixels of the picture per place of the latents.
    """

    weight: Tensor
    bias: Tensor
    factor: int

    @classmethod
    @torch.no_grad()
    def fit(cls, vae: AutoencoderKL, device: torch.device, size: int = FIT_SIZE) -> "LatentPreview":
        """Least squares of a smooth coloured picture's pixels on the latents the VAE gives it."""
        picture = _smooth_colours(size).to(device, vae.dtype)
        latents = vae.encode(picture).latent_dist.mean * vae.config.scaling_factor
        factor = size // latents.shape[-1]
        colours = F.avg_pool2d(picture.float(), factor).flatten(2)[0].T.cpu()
        inputs = latents.float().flatten(2)[0].T.cpu()
        inputs = torch.cat([inputs, torch.ones(len(inputs), 1)], dim=1)
        solution = torch.linalg.lstsq(inputs.double(), colours.double()).solution.float()
        return cls(solution[:-1].T.contiguous(), solution[-1].contiguous(), factor)

    def __call__(self, latents: Tensor) -> Image.Image:
        """A picture of the first of these latents.

        Args:
            latents: (N, C, h, w) on any device.
        """
        first = latents[0].detach().float().cpu()
        colours = torch.einsum("rc,chw->rhw", self.weight, first) + self.bias[:, None, None]
        picture = to_pil(torch.nan_to_num(colours)[None])[0]
        scale = min(self.factor, LONGEST_SIDE / max(picture.size))
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        return picture.resize(size, Image.Resampling.BICUBIC)


@dataclass
class CleanEstimate:
    """The clean latents that the model predicted at the last step, kept by watching a scheduler.

    A predicted clean picture shows the composition from the first steps on, when the latents
    themselves are still noise. Watching only keeps two references per step; nothing is computed
    until somebody looks.
    """

    scheduler: SchedulerMixin
    model_input: Tensor | None = field(default=None, init=False)
    model_output: Tensor | None = field(default=None, init=False)
    timestep: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        scale_model_input, step = self.scheduler.scale_model_input, self.scheduler.step

        @wraps(scale_model_input)
        def watched_scale(sample, timestep=None, *args, **kwargs):
            self.model_input = scale_model_input(sample, timestep, *args, **kwargs)
            return self.model_input

        # The pipeline reads the signature of `step` to decide on its arguments; `wraps` keeps it.
        @wraps(step)
        def watched_step(model_output, timestep, sample, *args, **kwargs):
            self.model_output, self.timestep = model_output, timestep
            return step(model_output, timestep, sample, *args, **kwargs)

        self.scheduler.scale_model_input = watched_scale
        self.scheduler.step = watched_step

    def latents(self) -> Tensor:
        """(1, C, h, w) float32 on the CPU; call it after a step.

        Every scheduler hands the model an input of the form sqrt(a) x + sqrt(1 - a) noise with
        a = alphas_cumprod at the timestep, whatever form its own samples have, so one formula serves all.
        """
        assert self.model_input is not None  # a step is done
        assert self.model_output is not None
        noisy = self.model_input[:1].detach().float().cpu()
        output = self.model_output[:1].detach().float().cpu()
        alpha = self._alpha()
        signal, noise = alpha.sqrt(), (1 - alpha).sqrt()
        prediction = self.scheduler.config.prediction_type
        if prediction == "v_prediction":
            return signal * noisy - noise * output
        return output if prediction == "sample" else (noisy - noise * output) / signal

    def _alpha(self) -> Tensor:
        """alphas_cumprod at the timestep; Karras sigmas give fractions of a timestep, so interpolate."""
        alphas = self.scheduler.alphas_cumprod.cpu()
        place = min(max(float(self.timestep), 0.0), len(alphas) - 1.0)
        below = int(place)
        return torch.lerp(alphas[below], alphas[min(below + 1, len(alphas) - 1)], place - below)


def _smooth_colours(size: int) -> Tensor:
    """(1, 3, size, size) float32 in [-1, 1]: the same soft blobs of every colour each time."""
    generator = torch.Generator().manual_seed(0)
    picture = torch.zeros(1, 3, size, size)
    for cells in (2, 4, 8, 16):
        blobs = torch.rand(1, 3, cells, cells, generator=generator) * 2 - 1
        picture += F.interpolate(blobs, size=(size, size), mode="bicubic", align_corners=False)
    return picture.div(1.5).clamp(-1, 1)
