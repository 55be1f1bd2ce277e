"""The UNet and the text encoder together: v-prediction (Salimans and Ho 2022) with min-SNR weights.

Every step draws captions, noise and timesteps of its own; timesteps are spread evenly over a batch, which makes
the loss of a small batch far less noisy.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn

from engine.mini import networks
from engine.mini.captions import Captions, read_captions
from engine.mini.latents import read_latents
from engine.mini.tokenizer import read_tokenizer
from engine.scenes.shards import SceneData
from engine.training.config import at_least, average_decay, learning_rate, require, share
from engine.training.loop import Log, average_of, generator_of, train, trapezoid
from engine.training.noise import even_timesteps, min_snr_weights, noised
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks

SAMPLE_PROMPTS = (
    "a castle on a mountain at sunset",
    "a volcano by the sea at night",
    "a sailing ship on the sea at dawn",
    "a windmill on green hills with flowers on a sunny day",
    "floating islands with a waterfall at dusk",
    "pine trees by a lake in the snow under the northern lights",
    "an old temple in a canyon, thunderstorm",
    "a village by a river in autumn, morning fog",
)


@dataclass(frozen=True)
class Config:
    """Settings of the denoiser's training.

    Attributes:
        steps: optimizer steps in all, 1 or more.
        batch_size: pictures per process and step.
        learning_rate: of AdamW at its plateau, between 0 and 1.
        empty_captions: share of pictures without a caption, for guidance; 0 to 1.
        min_snr_gamma: the cap on the signal-to-noise ratio in the loss weights (Hang et al. 2023); above 0.
        average: decay of the weights' average, 0 to below 1.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    steps: int = 20000
    batch_size: int = 16
    learning_rate: float = 1e-3
    empty_captions: float = 0.1
    min_snr_gamma: float = 5.0
    average: float = 0.9985
    seed: int = 2

    def __post_init__(self) -> None:
        rules = {
            "steps": at_least(self.steps, 1),
            "batch_size": at_least(self.batch_size, 1),
            "learning_rate": learning_rate(self.learning_rate),
            "empty_captions": share(self.empty_captions),
            "min_snr_gamma": (self.min_snr_gamma > 0, "above 0"),
            "average": average_decay(self.average),
        }
        require(self, rules)


CUDA = Config(steps=12_000, batch_size=1024, learning_rate=1.2e-3, average=0.997)


class Denoiser(nn.Module):
    """The two models that learn together."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.unet: UNet2DConditionModel = networks.denoiser()
        self.text_encoder = networks.text_encoder(vocabulary)

    def forward(self, noisy: Tensor, timesteps: Tensor, tokens: Tensor) -> Tensor:
        """v, (N, C, h, w), of noisy latents at their timesteps under their captions."""
        states = self.text_encoder(tokens).last_hidden_state
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        return self.unet(noisy, timesteps, encoder_hidden_states=states).sample


@dataclass(frozen=True)
class Objective:
    """The loss of one set of pictures.

    Attributes:
        latents: (N, C, h, w) float16, on the device.
        alphas: (timesteps,) cumulative products of the noise schedule.
        weights: (timesteps,) of the loss, mean 1.
    """

    ranks: Ranks
    latents: Tensor
    captions: Captions
    alphas: Tensor
    weights: Tensor

    def losses(self, model: nn.Module, indices: Tensor, empty: float, generator: torch.Generator) -> Tensor:
        """(2, n): mean square error of v of each picture, plain and weighted.

        Args:
            indices: (n,) int64 of pictures.
            empty: share without a caption.
        """
        tokens = self.captions.draw(indices, empty, generator)
        clean = self.latents[indices].float()
        flipped = torch.rand((len(clean), 1, 1, 1), generator=generator, device=clean.device) < 0.5
        clean = torch.where(flipped, clean.flip(-1), clean)
        timesteps = even_timesteps(len(clean), generator)
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        noisy, target = noised(clean, noise, self.alphas[timesteps])
        with self.ranks.autocast():
            preds = model(noisy, timesteps, tokens)
        error = (preds.float() - target).square().mean((1, 2, 3))
        return torch.stack([error, error * self.weights[timesteps]])


def sheet(pipeline: StableDiffusionPipeline, size: int) -> Tensor:
    """(3, 2 size, 4 size) in [-1, 1]: one picture for each of eight prompts, always from the same noise."""
    pipeline.set_progress_bar_config(disable=True)
    pixels = pipeline(
        list(SAMPLE_PROMPTS),
        num_inference_steps=20,
        guidance_scale=5.0,
        width=size,
        height=size,
        generator=[torch.Generator().manual_seed(seed) for seed in range(len(SAMPLE_PROMPTS))],
        output_type="pt",
    ).images
    rows = [torch.cat(list(row), dim=-1) for row in (2 * pixels - 1).split(4)]
    return torch.cat(rows, dim=-2)


def run(ranks: Ranks, config: Config, folder: Path, vae: AutoencoderKL, data: SceneData, held_out: SceneData) -> None:
    """Train, or go on; begins with the text encoder that was warmed up.

    Args:
        vae: shows samples on the way.
    """
    torch.manual_seed(config.seed)
    tokenizer = read_tokenizer(folder / "tokenizer")
    model = Denoiser(len(tokenizer)).to(ranks.device, memory_format=torch.channels_last)
    warm = torch.load(folder / "text" / "checkpoint.pt", weights_only=True, map_location="cpu")["model"]
    model.text_encoder.load_state_dict(warm)
    average = average_of(model, config.average)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
    alphas = networks.scheduler().alphas_cumprod.to(ranks.device)
    objective, objective_held_out = (
        Objective(
            ranks,
            read_latents(folder / "latents", part).to(ranks.device),
            read_captions(folder / "captions", part, tokenizer, ranks.device),
            alphas,
            min_snr_weights(alphas, config.min_snr_gamma),
        )
        for part in (data, held_out)
    )
    vae = vae.to(ranks.device)
    log = Log(folder / "denoiser", quiet=not ranks.first)

    def step(number: int) -> dict[str, float]:
        set_learning_rate(config.learning_rate * trapezoid(number, config.steps, warm_up=200), optimizer)
        generator = generator_of(config.seed, number, ranks, ranks.device)
        indices = torch.randint(len(data), (config.batch_size,), generator=generator, device=ranks.device)
        loss = objective.losses(model, indices, config.empty_captions, generator)[1].mean()
        update(optimizer, loss, ranks)
        average.update_parameters(model)
        return {"loss": loss.item()}

    @torch.no_grad()
    def look(number: int) -> None:
        model, generator = average.module, torch.Generator(ranks.device).manual_seed(0)
        places = torch.arange(min(256, len(held_out)), device=ranks.device).split(32)
        found = [objective_held_out.losses(model, part, 0.0, generator) for part in places]
        plain, weighted = torch.cat(found, 1).mean(1)
        log.numbers(number, {"held_out/mse": plain.item(), "held_out/loss": weighted.item()})
        pipeline = networks.pipeline(vae, model.text_encoder, tokenizer, model.unet)
        log.picture(number, "samples", sheet(pipeline, data.size))

    state = {"model": model, "average": average, "optimizer": optimizer}
    settings = ranks.settings(config, pictures=len(data))
    train(folder / "denoiser", config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=1000)
