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
from engine.mini.captions import read_captions
from engine.mini.latents import read_latents
from engine.mini.tokenizer import read_tokenizer
from engine.scenes.shards import SceneData
from engine.training.loop import Log, average_of, generator_of, train, trapezoid
from engine.training.noise import even_timesteps, min_snr_weights, noised
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
    """Settings of the long run.

    Attributes:
        steps: optimizer steps in all.
        batch_size: pictures per process and step.
        learning_rate: of AdamW at its plateau.
        empty_captions: share of pictures without a caption, for guidance.
        min_snr_gamma: the cap on the signal-to-noise ratio in the loss weights (Hang et al. 2023).
        average: decay of the weights' average.
        seed: of everything random.
    """

    steps: int = 20000
    batch_size: int = 16
    learning_rate: float = 1e-3
    empty_captions: float = 0.1
    min_snr_gamma: float = 5.0
    average: float = 0.9985
    seed: int = 2


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
    parts = (data, held_out)
    latents = {part: read_latents(folder / "latents", part).to(ranks.device) for part in parts}
    captions = {part: read_captions(folder / "captions", part, tokenizer, ranks.device) for part in parts}
    alphas = networks.scheduler().alphas_cumprod.to(ranks.device)
    vae = vae.to(ranks.device)
    log = Log(folder / "denoiser", quiet=not ranks.first)

    def losses(model: nn.Module, part: SceneData, indices: Tensor, empty: float, generator: torch.Generator) -> Tensor:
        tokens = captions[part].draw(indices, empty, generator)
        clean = latents[part][indices].float()
        flipped = torch.rand((len(clean), 1, 1, 1), generator=generator, device=clean.device) < 0.5
        clean = torch.where(flipped, clean.flip(-1), clean)
        timesteps = even_timesteps(len(clean), generator)
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        noisy, target = noised(clean, noise, alphas[timesteps])
        with ranks.autocast():
            preds = model(noisy, timesteps, tokens)
        error = (preds.float() - target).square().mean((1, 2, 3))
        return torch.stack([error, error * min_snr_weights(alphas, config.min_snr_gamma)[timesteps]])

    def step(number: int) -> dict[str, float]:
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * trapezoid(number, config.steps, warm_up=200)
        generator = generator_of(config.seed, number, ranks, ranks.device)
        indices = torch.randint(len(data), (config.batch_size,), generator=generator, device=ranks.device)
        loss = losses(model, data, indices, config.empty_captions, generator)[1].mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        ranks.mean_gradients(model.parameters())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(model)
        return {"loss": loss.item()}

    @torch.no_grad()
    def look(number: int) -> None:
        generator = torch.Generator(ranks.device).manual_seed(0)
        places = torch.arange(min(256, len(held_out)), device=ranks.device).split(32)
        found = [losses(average.module, held_out, part, 0.0, generator) for part in places]
        plain, weighted = torch.cat(found, 1).mean(1)
        log.numbers(number, {"held_out/mse": plain.item(), "held_out/loss": weighted.item()})
        model = average.module
        log.picture(number, "samples", sheet(networks.pipeline(vae, model.text_encoder, tokenizer, model.unet)))

    state = {"model": model, "average": average, "optimizer": optimizer}
    settings = ranks.settings(config, pictures=len(data))
    train(folder / "denoiser", config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=1000)


def sheet(pipeline: StableDiffusionPipeline) -> Tensor:
    """(3, 2 H, 4 W) in [-1, 1]: one picture for each of eight prompts, always from the same noise."""
    pipeline.set_progress_bar_config(disable=True)
    pixels = pipeline(
        list(SAMPLE_PROMPTS),
        num_inference_steps=20,
        guidance_scale=5.0,
        generator=[torch.Generator().manual_seed(seed) for seed in range(len(SAMPLE_PROMPTS))],
        output_type="pt",
    ).images
    rows = [torch.cat(list(row), dim=-1) for row in (2 * pixels - 1).split(4)]
    return torch.cat(rows, dim=-2)
