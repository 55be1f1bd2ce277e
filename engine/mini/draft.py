"""A LoRA with which the model draws in four steps: consistency distillation of latents.

Luo et al. 2023, "LCM-LoRA" (arXiv 2311.05556), after Song et al. 2023, "Consistency Models". The model as it is, with
guidance, takes one step of its solver from a noisy latent; the model with the LoRA must say the same clean latent
before and after that step. No discriminator takes part, and no picture but the renders.
"""

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import LCMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.numpy import save
from torch import Tensor, nn

from engine.files import replacing
from engine.mini import networks
from engine.mini.captions import Captions, read_captions
from engine.mini.denoiser import SAMPLE_PROMPTS
from engine.mini.latents import read_latents
from engine.scenes.shards import SceneData
from engine.training.config import at_least, average_decay, learning_rate, require
from engine.training.loop import CHECKPOINT, Log, generator_of, train, trapezoid
from engine.training.lora_layers import LAYERS
from engine.training.noise import TIMESTEPS, even_timesteps, noised
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks
from engine.weights.lora_export import kohya_tensors

NAME = "lcm-draft"  # of the file; "lcm" tells the studio how it wants to be drawn with
DRAFT_STEPS = 4
SIGMA_DATA, TIMESTEP_SCALING = 0.5, 10.0  # of the boundary condition, as LCMScheduler has them


@dataclass(frozen=True)
class Config:
    """Settings of the distillation.

    Attributes:
        steps: optimizer steps in all, 1 or more.
        batch_size: pictures per process and step.
        rank: of the LoRA; its alpha is the same, so that its scale is 1.
        guidance: scale of the classifier-free guidance that the LoRA learns to do without, 1 or more.
        solver_steps: DDIM steps of the teacher between noise and picture; a divisor of 1000.
        learning_rate: of AdamW at its plateau, between 0 and 1.
        huber: width of the pseudo-Huber loss around 0, above 0.
        average: decay of the average of the LoRA's weights, 0 to below 1.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    steps: int = 4000
    batch_size: int = 16
    rank: int = 32
    guidance: float = 5.0
    solver_steps: int = 50
    learning_rate: float = 5e-4
    huber: float = 0.001
    average: float = 0.995
    seed: int = 6

    def __post_init__(self) -> None:
        divides = self.solver_steps >= DRAFT_STEPS and TIMESTEPS % self.solver_steps == 0
        rules = {
            "steps": at_least(self.steps, 1),
            "batch_size": at_least(self.batch_size, 1),
            "rank": at_least(self.rank, 1),
            "guidance": at_least(self.guidance, 1),
            "solver_steps": (divides, f"a divisor of {TIMESTEPS}, {DRAFT_STEPS} or more"),
            "learning_rate": learning_rate(self.learning_rate),
            "huber": (self.huber > 0, "above 0"),
            "average": average_decay(self.average),
        }
        require(self, rules)


CUDA = Config(batch_size=256)


class Lora:
    """The LoRA that is learnt, and the average of its weights.

    Args:
        unet: gets it; everything else in it is frozen.
    """

    def __init__(self, unet: UNet2DConditionModel, config: Config) -> None:
        self._unet = unet.requires_grad_(False)
        self._decay = config.average
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            layers = LoraConfig(r=config.rank, lora_alpha=config.rank, target_modules=list(LAYERS))
            unet.add_adapter(layers)
        self.average = {name: weights.clone() for name, weights in self.weights().items()}

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Its matrices."""
        return [parameter for parameter in self._unet.parameters() if parameter.requires_grad]

    def weights(self) -> dict[str, Tensor]:
        """By peft's names, without gradient; they change as training goes on."""
        return {name: weights.detach() for name, weights in get_peft_model_state_dict(self._unet).items()}

    def follow(self, step: int) -> None:
        """Bring the average nearer to the weights; its memory is short at first, so that the beginning is forgotten."""
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        for name, weights in self.weights().items():
            self.average[name].lerp_(weights, share)

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """Both."""
        return {"weights": self.weights(), "average": self.average}

    def load_state_dict(self, state: dict[str, dict[str, Tensor]]) -> None:
        """Take over what `state_dict` gave."""
        set_peft_model_state_dict(self._unet, state["weights"])
        self.average = {name: weights.to(self.average[name]) for name, weights in state["average"].items()}

    def averaged(self) -> UNet2DConditionModel:
        """A copy of the UNet with the averaged LoRA."""
        unet = copy.deepcopy(self._unet)
        set_peft_model_state_dict(unet, self.average)
        return unet.eval()


@dataclass(frozen=True)
class Solver:
    """The teacher's way from noise to picture: DDIM on evenly spread timesteps.

    Attributes:
        alphas: (1000,) cumulative products of the noise schedule.
        count: its steps.
    """

    alphas: Tensor
    count: int

    @property
    def gap(self) -> int:
        """Timesteps between two of its steps."""
        return TIMESTEPS // self.count

    def starts(self, count: int, generator: torch.Generator) -> Tensor:
        """(n,) int64 timesteps, spread evenly over the solver's, in random order."""
        return (even_timesteps(count, generator) // self.gap + 1) * self.gap - 1

    def ends(self, starts: Tensor) -> Tensor:
        """Where a step from there ends; the last one at timestep 0."""
        return (starts - self.gap).clamp(min=0)

    def clean(self, noisy: Tensor, v: Tensor, timesteps: Tensor) -> Tensor:
        """The clean latents, (n, C, h, w), that v says."""
        signal, spread = self._parts(timesteps)
        return signal * noisy - spread * v

    def step(self, noisy: Tensor, v: Tensor, starts: Tensor) -> Tensor:
        """One DDIM step from `starts` to their `ends`."""
        signal, spread = self._parts(starts)
        noise = signal * v + spread * noisy
        onward, left = self._parts(self.ends(starts))
        return onward * self.clean(noisy, v, starts) + left * noise

    def _parts(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        alpha = self.alphas[timesteps][:, None, None, None]
        return alpha.sqrt(), (1 - alpha).sqrt()


def consistent(noisy: Tensor, clean: Tensor, timesteps: Tensor) -> Tensor:
    """The consistency function: the prediction, but at timestep 0 the latents themselves (Song et al. 2023, eq. 5)."""
    scaled = (timesteps * TIMESTEP_SCALING)[:, None, None, None].float()
    skip = SIGMA_DATA**2 / (scaled**2 + SIGMA_DATA**2)
    return skip * noisy + scaled / (scaled**2 + SIGMA_DATA**2).sqrt() * clean


def loss_pseudo_huber(preds: Tensor, targets: Tensor, width: float) -> Tensor:
    """sqrt(d^2 + width^2) - width, the mean over all numbers; quadratic within `width` of 0, linear beyond."""
    return ((preds - targets).square() + width**2).sqrt().mean() - width


@dataclass(frozen=True)
class Objective:
    """The loss of one set of pictures.

    Attributes:
        teacher: the UNet without the LoRA.
        text_encoder: frozen, as the teacher is.
        latents: (N, C, h, w) float16, on the device.
    """

    config: Config
    teacher: UNet2DConditionModel
    text_encoder: nn.Module
    latents: Tensor
    captions: Captions
    solver: Solver

    def loss(self, student: UNet2DConditionModel, indices: Tensor, generator: torch.Generator) -> Tensor:
        """How far the student's words differ before and after a step of the teacher, a number.

        Args:
            indices: (n,) int64 of pictures.
        """
        clean = self.latents[indices].float()
        flipped = torch.rand((len(clean), 1, 1, 1), generator=generator, device=clean.device) < 0.5
        clean = torch.where(flipped, clean.flip(-1), clean)
        starts = self.solver.starts(len(clean), generator)
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        noisy = noised(clean, noise, self.solver.alphas[starts])[0]
        tokens = self.captions.draw(indices, 0.0, generator)
        with torch.no_grad():
            states = self.text_encoder(tokens).last_hidden_state
            onward = self.solver.step(noisy, self._guided(noisy, starts, states), starts)
            targets = self._said(student, onward, self.solver.ends(starts), states)
        return loss_pseudo_huber(self._said(student, noisy, starts, states), targets, self.config.huber)

    def _guided(self, noisy: Tensor, timesteps: Tensor, states: Tensor) -> Tensor:
        """The teacher's v with classifier-free guidance (Ho and Salimans 2022)."""
        none = self.text_encoder(self.captions.none.long()[None]).last_hidden_state
        both = torch.cat([none.expand_as(states), states])
        without, told = _v(self.teacher, noisy.repeat(2, 1, 1, 1), timesteps.repeat(2), both).chunk(2)
        return without + self.config.guidance * (told - without)

    def _said(self, student: UNet2DConditionModel, noisy: Tensor, timesteps: Tensor, states: Tensor) -> Tensor:
        v = _v(student, noisy, timesteps, states)
        return consistent(noisy, self.solver.clean(noisy, v, timesteps), timesteps)


def _v(unet: UNet2DConditionModel, noisy: Tensor, timesteps: Tensor, states: Tensor) -> Tensor:
    noisy = noisy.contiguous(memory_format=torch.channels_last)
    return unet(noisy, timesteps, encoder_hidden_states=states).sample


def sheet(parts: StableDiffusionPipeline, unet: UNet2DConditionModel, size: int) -> Tensor:
    """(3, 2 size, 4 size) in [-1, 1]: a draft for each of eight prompts, always from the same noise."""
    pipeline = networks.pipeline(parts.vae, parts.text_encoder, parts.tokenizer, unet)
    pipeline.scheduler = LCMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    pixels = pipeline(
        list(SAMPLE_PROMPTS),
        num_inference_steps=DRAFT_STEPS,
        guidance_scale=1.0,
        width=size,
        height=size,
        generator=[torch.Generator().manual_seed(seed) for seed in range(len(SAMPLE_PROMPTS))],
        output_type="pt",
    ).images
    return torch.cat([torch.cat(list(row), dim=-1) for row in (2 * pixels - 1).split(4)], dim=-2)


def write_lora(folder: Path, path: Path) -> None:
    """Write the averaged LoRA of a run in half precision, under kohya's names.

    Args:
        path: of a .safetensors file; one of that name is replaced.
    """
    checkpoint = torch.load(folder / CHECKPOINT, weights_only=True, map_location="cpu")
    config, average = checkpoint["settings"], checkpoint["lora"]["average"]
    named = kohya_tensors({f"unet.{name}": weights.numpy() for name, weights in average.items()}, config["rank"])
    halves = {name: array.astype(np.float16) for name, array in named.items()}
    about = {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.implementation": "diffusers",
        "modelspec.architecture": "niji-mini/lora",
        "modelspec.title": "Niji mini LCM",
        "modelspec.description": "Consistency distillation: 4 steps, guidance scale 1, scheduler LCM.",
        "modelspec.license": "MIT",
        "ss_base_model_version": "niji-mini",
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(config["rank"]),
        "ss_network_alpha": str(config["rank"]),
        "ss_steps": str(checkpoint["step"]),
    }
    with replacing(path) as file:
        file.write(save(halves, about))


def run(
    ranks: Ranks, config: Config, folder: Path, model: Path, data: SceneData, held_out: SceneData, digest: str
) -> None:
    """Train, or go on.

    Args:
        folder: of the run, with the folders latents and captions of both sets in it.
        model: whose LoRA it will be, in diffusers layout.
        digest: of that model; with another one the run does not go on.
    """
    torch.manual_seed(config.seed)
    parts = StableDiffusionPipeline.from_pretrained(model, dtype=torch.float32, local_files_only=True).to(ranks.device)
    for part in (parts.unet, parts.text_encoder, parts.vae):
        part.requires_grad_(False).eval()
    teacher = parts.unet.to(memory_format=torch.channels_last)
    student = copy.deepcopy(teacher)
    lora = Lora(student, config)
    solver = Solver(networks.scheduler().alphas_cumprod.to(ranks.device), config.solver_steps)
    objective, objective_held_out = (
        Objective(
            config,
            teacher,
            parts.text_encoder,
            read_latents(folder / "latents", each).to(ranks.device),
            read_captions(folder / "captions", each, parts.tokenizer, ranks.device),
            solver,
        )
        for each in (data, held_out)
    )
    optimizer = torch.optim.AdamW(lora.parameters, config.learning_rate, betas=(0.9, 0.99), weight_decay=0.0)
    log = Log(folder, quiet=not ranks.first)

    def step(number: int) -> dict[str, float]:
        set_learning_rate(config.learning_rate * trapezoid(number, config.steps, warm_up=50), optimizer)
        generator = generator_of(config.seed, number, ranks, ranks.device)
        indices = torch.randint(len(data), (config.batch_size,), generator=generator, device=ranks.device)
        loss = objective.loss(student, indices, generator)
        update(optimizer, loss, ranks)
        lora.follow(number)
        return {"loss": loss.item()}

    @torch.no_grad()
    def look(number: int) -> None:
        unet, generator = lora.averaged(), torch.Generator(ranks.device).manual_seed(0)
        places = torch.arange(min(256, len(held_out)), device=ranks.device).split(32)
        found = [objective_held_out.loss(unet, part, generator).item() for part in places]
        log.numbers(number, {"held_out/loss": sum(found) / len(found)})
        log.picture(number, "samples", sheet(parts, unet, data.size))

    state = {"lora": lora, "optimizer": optimizer}
    settings = ranks.settings(config, pictures=len(data), model=digest)
    train(folder, config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=250)
