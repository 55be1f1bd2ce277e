"""How a LoRA is judged on the way: the loss on held-out pictures, and a picture from always the same prompt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from engine.datasets.pictures import CaptionedPicture
from engine.diffusion.defaults import suggested
from engine.diffusion.loading import LoadedModel
from engine.diffusion.request import TextToImage
from engine.diffusion.text_to_image import StepReport, generate
from engine.errors import ImageFailed
from engine.files import printable, replacing
from engine.lora.runs.config import Config
from engine.lora.runs.held_out import MAX_PICTURES
from engine.lora.training.data import Encoder, in_batches, states_of
from engine.lora.training.objective import Objective, loss_denoising
from engine.marked import save_png
from engine.rules import MAX_PROMPT_CHARACTERS
from engine.weights.loras import LoraInfo

TIMESTEPS = 4  # for each picture, in the middle of each quarter of the schedule
NOISE_SEED = 0  # of all runs, so that their losses can be compared


@dataclass(frozen=True)
class HeldOut:
    """Pictures that are never trained on, always under the same noise at the same timesteps."""

    pictures: Sequence[CaptionedPicture]
    encoder: Encoder
    objective: Objective
    batch_size: int

    def loss(self) -> float:
        """Mean square error, all timesteps alike. Dropout must be off."""
        return self.errors().mean().item()

    @torch.no_grad()
    def errors(self) -> Tensor:
        """(N,) mean square error of each picture, all timesteps alike. Dropout must be off."""
        errors = [self._errors(place, picture) for place, picture in enumerate(self.pictures[:MAX_PICTURES])]
        return torch.stack(errors).mean(1)

    def _errors(self, place: int, picture: CaptionedPicture) -> Tensor:
        """(TIMESTEPS,) of one picture."""
        pipeline, device = self.encoder.pipeline, self.encoder.pipeline.unet.device
        timesteps = fixed_timesteps(len(self.objective.alphas))
        latents = self.encoder.mean_latents(picture).expand(TIMESTEPS, -1, -1, -1)
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(NOISE_SEED + place))
        noisy, target = self.objective.noised(latents.to(device), noise.to(device), timesteps)
        states = states_of(pipeline, [picture.caption]).expand(TIMESTEPS, -1, -1)
        preds = [
            pipeline.unet(noisy[part], timesteps[part].to(device), encoder_hidden_states=states[part]).sample
            for part in in_batches(TIMESTEPS, self.batch_size)
        ]
        return loss_denoising(torch.cat(preds), target)


def fixed_timesteps(count: int) -> Tensor:
    """(TIMESTEPS,) int64 of a schedule with so many timesteps."""
    return ((torch.arange(TIMESTEPS) + 0.5) * count / TIMESTEPS).long()


def validation_prompt(config: Config, pictures: Sequence[CaptionedPicture]) -> str:
    """The prompt of the samples: the settings' own, or the first caption; empty when there is none."""
    captions = (printable(picture.caption).strip() for picture in pictures)
    return config.validation_prompt or next(filter(None, captions), "")[:MAX_PROMPT_CHARACTERS]


def draw_sample(
    loaded: LoadedModel,
    config: Config,
    prompt: str,
    loras: Sequence[tuple[LoraInfo, float]] = (),
    *,
    report: Callable[[StepReport], None] = lambda done: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Image.Image | None:
    """The prompt's picture, from the run's seed, with the steps and the guidance that the model was made for.

    What the artist saved for the model is left aside, so that the samples of a run stay alike. A newer version
    of the studio may draw them in other steps.

    Returns:
        None when the model gives no usable picture, which ends no training.

    Raises:
        Cancelled: `should_stop` said so.
    """
    size = config.resolution or loaded.info.native_size
    wanted = suggested(loaded.info, [lora for lora, weight in loras if weight]).values()
    request = TextToImage(prompt=prompt, seed=config.seed, width=size, height=size, model=loaded.info.name, **wanted)
    try:
        return next(generate(loaded, request, loras, report=report, should_stop=should_stop)).image
    except ImageFailed:
        return None


def save_sample(folder: Path, step: int, picture: Image.Image) -> Path:
    """Keep a sample as a PNG file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:06d}.png"
    with replacing(path) as file:
        save_png(picture, file)
    return path
