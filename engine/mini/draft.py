"""A LoRA with which the model draws in four steps: progressive distillation, straight to four.

Salimans and Ho 2022, "Progressive Distillation for Fast Sampling of Diffusion Models" (arXiv 2202.00512), on the
model's own ways from noise to picture (Luhman and Luhman 2021, arXiv 2101.02388), with guidance (Meng et al. 2023,
arXiv 2210.03142). From each of four places on such a way, one step of the model with the LoRA, without guidance, must
end at the next place. So a draft is the picture of its seed. No discriminator takes part, and no picture at all.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.numpy import save
from torch import Tensor, nn

from engine.diffusion import schedulers
from engine.diffusion.tokens import tokens_of
from engine.files import replacing
from engine.mini import networks
from engine.mini.denoiser import SAMPLE_PROMPTS
from engine.mini.drawings import read_drawings
from engine.mini.ways import VISITED, prompt_at
from engine.scenes.shards import SceneData
from engine.training.config import at_least, average_decay, learning_rate, require, share
from engine.training.loop import CHECKPOINT, Log, generator_of, train, trapezoid
from engine.training.lora_layers import LAYERS
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks
from engine.weights.catalogue.few_steps import MARK, TURBO
from engine.weights.lora_export import kohya_tensors

NAME = "turbo-draft"  # of the file
DRAFT_STEPS = len(VISITED)


@dataclass(frozen=True)
class Config:
    """Settings of the distillation.

    Attributes:
        steps: optimizer steps in all, 1 or more.
        batch_size: ways per process and step, of each of which the model is asked one step.
        rank: of the LoRA while it learns; its alpha is the same, so that its scale is 1.
        kept_rank: of the file, 1 or more: half the numbers, and drafts of held-out prompts came out a little nearer.
        learning_rate: of AdamW at its plateau, between 0 and 1.
        own: share of steps that begin where the model's own step before ended, instead of on the way, 0 to 1: so it
            learns to mend what it did.
        average: decay of the average of the LoRA's weights, 0 to below 1.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    steps: int = 2000
    batch_size: int = 16
    rank: int = 32
    kept_rank: int = 16
    learning_rate: float = 1e-3
    own: float = 0.25
    average: float = 0.995
    seed: int = 6

    def __post_init__(self) -> None:
        rules = {
            "steps": at_least(self.steps, 1),
            "batch_size": at_least(self.batch_size, 1),
            "rank": at_least(self.rank, 1),
            "kept_rank": at_least(self.kept_rank, 1),
            "learning_rate": learning_rate(self.learning_rate),
            "own": share(self.own),
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
class Turns:
    """The DDIM steps of a draft: each turns noisy latents and their v, which lie at right angles (Salimans and Ho 2022,
    appendix D).

    Attributes:
        timesteps: (4,) int64, where they begin.
        angles: (4,) float32 in radians, by which the latents' share of noise falls.
    """

    timesteps: Tensor
    angles: Tensor

    def end(self, noisy: Tensor, v: Tensor, places: Tensor) -> Tensor:
        """The latents, (n, C, h, w), at the end of the steps.

        Args:
            places: (n,) int64, 0 to 3: which step it is.
        """
        angles = self.angles[places][:, None, None, None]
        return angles.cos() * noisy - angles.sin() * v

    def v(self, noisy: Tensor, ends: Tensor, places: Tensor) -> Tensor:
        """The v with which the steps end there."""
        angles = self.angles[places][:, None, None, None]
        return (angles.cos() * noisy - ends) / angles.sin()


def turns(alphas: Tensor) -> Turns:
    """The steps from each of `VISITED` to the next, and from the last to clean latents.

    Args:
        alphas: (1000,) cumulative products of the noise schedule.
    """
    timesteps = torch.tensor(VISITED, device=alphas.device)
    shares = torch.acos(alphas[timesteps].sqrt())
    return Turns(timesteps, shares - torch.cat([shares[1:], shares.new_zeros(1)]))


@dataclass(frozen=True)
class Objective:
    """The loss of one set of ways.

    Attributes:
        ways: (N, 5, C, h, w) float16, as `ways.walked` gives them.
        texts: (N, 77, width) float32, of their prompts.
    """

    ways: Tensor
    texts: Tensor
    turns: Turns

    def loss(self, student: UNet2DConditionModel, indices: Tensor, own: float, generator: torch.Generator) -> Tensor:
        """Mean square error of the student's v, a number.

        Args:
            indices: (n,) int64 of ways, of which each is asked one step; all steps are asked equally often.
            own: share of them that begin where the student's own step before ended, instead of on the way.
        """
        count, device = len(indices), generator.device
        flipped = torch.rand((count, 1, 1, 1, 1), generator=generator, device=device) < 0.5
        ways, texts = self.ways[indices].float(), self.texts[indices]
        ways = torch.where(flipped, ways.flip(-1), ways)
        places = torch.arange(count, device=device) % DRAFT_STEPS
        every = torch.arange(count, device=device)
        noisy, ends = ways[every, places], ways[every, places + 1]
        strays = every[(torch.rand(count, generator=generator, device=device) < own) & (places > 0)]
        if len(strays):
            with torch.no_grad():
                before = places[strays] - 1
                noisy[strays] = self._step(student, ways[strays, before], texts[strays], before)
        v = self._v(student, noisy, texts, places)
        return (v - self.turns.v(noisy, ends, places)).square().mean()

    def drawn(self, student: UNet2DConditionModel, indices: Tensor) -> Tensor:
        """(n, C, h, w) latents at the end of the student's four steps."""
        noisy = self.ways[indices, 0].float()
        for place in range(DRAFT_STEPS):
            noisy = self._step(student, noisy, self.texts[indices], torch.full_like(indices, place))
        return noisy

    def _step(self, student: UNet2DConditionModel, noisy: Tensor, texts: Tensor, places: Tensor) -> Tensor:
        return self.turns.end(noisy, self._v(student, noisy, texts, places), places)

    def _v(self, student: UNet2DConditionModel, noisy: Tensor, texts: Tensor, places: Tensor) -> Tensor:
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        return student(noisy, self.turns.timesteps[places], encoder_hidden_states=texts).sample


def sheet(parts: StableDiffusionPipeline, unet: UNet2DConditionModel, size: int) -> Tensor:
    """(3, 2 size, 4 size) in [-1, 1]: a draft for each of eight prompts, always from the same noise."""
    pipeline = networks.pipeline(parts.vae, parts.text_encoder, parts.tokenizer, unet)
    pipeline.scheduler = schedulers.build("Turbo", pipeline.scheduler.config)
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


def reduced(weights: Mapping[str, Tensor], rank: int) -> dict[str, Tensor]:
    """The LoRA of a lower rank that is nearest to a LoRA: the largest singular values of every layer's change.

    Args:
        weights: by peft's names; a layer's are (r, in, ...) and (out, r, ...), with a kernel of 1 in the latter.
        rank: at most r, and at most the channels of the narrowest layer.
    """
    found = {}
    for name, down in weights.items():
        if ".lora_A." not in name:
            continue
        other = name.replace(".lora_A.", ".lora_B.")
        up = weights[other]
        change = up.flatten(1).double() @ down.flatten(1).double()
        left, values, right = torch.linalg.svd(change, full_matrices=False)
        scale = values[:rank].sqrt()
        found[name] = (scale[:, None] * right[:rank]).float().view(-1, *down.shape[1:])
        found[other] = (left[:, :rank] * scale).float().view(len(up), -1, *up.shape[2:])
    return found


def write_lora(folder: Path, path: Path) -> None:
    """Write the averaged LoRA of a run with its kept rank, in half precision, under kohya's names.

    Args:
        path: of a .safetensors file; one of that name is replaced.
    """
    checkpoint = torch.load(folder / CHECKPOINT, weights_only=True, map_location="cpu")
    config = checkpoint["settings"]
    rank = min(config["kept_rank"], config["rank"])
    average = reduced(checkpoint["lora"]["average"], rank)
    named = kohya_tensors({f"unet.{name}": weights.numpy() for name, weights in average.items()}, rank)
    halves = {name: array.astype(np.float16) for name, array in named.items()}
    about = {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.implementation": "diffusers",
        "modelspec.architecture": "niji-mini/lora",
        "modelspec.title": "Niji mini Turbo draft",
        "modelspec.description": "Progressive distillation: 4 steps, guidance scale 1, scheduler Turbo.",
        "modelspec.license": "MIT",
        MARK: TURBO,
        "ss_base_model_version": "niji-mini",
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": str(rank),
        "ss_steps": str(checkpoint["step"]),
    }
    with replacing(path) as file:
        file.write(save(halves, about))


@torch.no_grad()
def _texts(parts: StableDiffusionPipeline, data: SceneData) -> Tensor:
    """(N, 77, width) of all prompts."""
    tokens = tokens_of(parts.tokenizer, [prompt_at(data.scene(place)) for place in range(len(data))])
    states = [parts.text_encoder(part.to(parts.device)).last_hidden_state for part in tokens.split(64)]
    return torch.cat(states)


def run(
    ranks: Ranks, config: Config, folder: Path, model: Path, data: SceneData, held_out: SceneData, digest: str
) -> None:
    """Train, or go on.

    Args:
        folder: of the run.
        model: whose LoRA it will be, in diffusers layout; its ways lie in the folder `ways/digest` of the run.
        data: scenes whose ways are there, as are those of `held_out`.
        digest: of that model; with another one the run does not go on.
    """
    torch.manual_seed(config.seed)
    parts = StableDiffusionPipeline.from_pretrained(model, dtype=torch.float32, local_files_only=True).to(ranks.device)
    for part in (parts.unet, parts.text_encoder, parts.vae):
        part.requires_grad_(False).eval()
    student = parts.unet.to(memory_format=torch.channels_last)
    lora = Lora(student, config)
    steps = turns(networks.scheduler().alphas_cumprod.to(ranks.device))
    objective, objective_held_out = (
        Objective(read_drawings(folder / "ways" / digest, each).to(ranks.device), _texts(parts, each), steps)
        for each in (data, held_out)
    )
    optimizer = torch.optim.AdamW(lora.parameters, config.learning_rate, betas=(0.9, 0.99), weight_decay=0.0)
    log = Log(folder, quiet=not ranks.first)

    def step(number: int) -> dict[str, float]:
        set_learning_rate(config.learning_rate * trapezoid(number, config.steps, warm_up=50), optimizer)
        generator = generator_of(config.seed, number, ranks, ranks.device)
        indices = torch.randint(len(data), (config.batch_size,), generator=generator, device=ranks.device)
        loss = objective.loss(student, indices, config.own, generator)
        update(optimizer, loss, ranks)
        lora.follow(number)
        return {"loss": loss.item()}

    @torch.no_grad()
    def look(number: int) -> None:
        unet, generator = lora.averaged(), torch.Generator(ranks.device).manual_seed(0)
        parts_held_out = torch.arange(len(held_out), device=ranks.device).split(32)
        loss = [objective_held_out.loss(unet, part, 0.0, generator).item() for part in parts_held_out]
        ends = torch.cat([objective_held_out.drawn(unet, part) for part in parts_held_out])
        error = (ends - objective_held_out.ways[:, -1]).square().mean().item()
        log.numbers(number, {"held_out/loss": sum(loss) / len(loss), "held_out/latents": error})
        log.picture(number, "samples", sheet(parts, unet, data.size))

    state = {"lora": lora, "optimizer": optimizer}
    settings = ranks.settings(config, ways=len(data), model=digest)
    train(folder, config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=250)
