"""Warm-up of the text encoder: it learns to tell what a caption says before the denoiser needs it.

A denoiser and a text encoder from random weights ignore each other for tens of thousands of pictures. Here linear
heads read every attribute of the scene, and a coarse picture of its latents, from the end token and from a
random place behind it, because the denoiser attends to all places.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.mini import networks
from engine.mini.captions import read_captions
from engine.mini.latents import read_latents
from engine.mini.tokenizer import read_tokenizer
from engine.scenes.scene import CHOICES
from engine.scenes.shards import SceneData
from engine.training.loop import Log, generator_of, train, trapezoid
from engine.training.parallel import Ranks

READ = {name: values for name, values in CHOICES.items() if name != "look"}
COARSE = 4  # places a side of the coarse latents


@dataclass(frozen=True)
class Config:
    """Settings of the warm-up; batch_size is per process and step."""

    steps: int = 1500
    batch_size: int = 32
    learning_rate: float = 1e-3
    latents_weight: float = 2.0
    seed: int = 1


CUDA = Config(steps=3000, batch_size=256)


class Heads(nn.Module):
    """Linear readers of the attributes and of the coarse latents."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes = nn.ModuleDict({name: nn.Linear(networks.TEXT_WIDTH, len(v)) for name, v in READ.items()})
        self.latents = nn.Linear(networks.TEXT_WIDTH, networks.LATENT_CHANNELS * COARSE * COARSE)


def run(ranks: Ranks, config: Config, folder: Path, data: SceneData, held_out: SceneData) -> None:
    """Train, or go on; the text encoder is in `text/checkpoint.pt` as `model`."""
    torch.manual_seed(config.seed)
    tokenizer = read_tokenizer(folder / "tokenizer")
    model, heads = networks.text_encoder(len(tokenizer)).to(ranks.device), Heads().to(ranks.device)
    begin_unknown_words_near_the_mean(model)
    parameters = [*model.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=0.01)
    log = Log(folder / "text", quiet=not ranks.first)
    parts = (data, held_out)
    coarse = {part: coarse_latents(read_latents(folder / "latents", part)).to(ranks.device) for part in parts}
    shown = {part: attributes(part).to(ranks.device) for part in parts}
    captions = {part: read_captions(folder / "captions", part, tokenizer, ranks.device) for part in parts}

    def losses(part: SceneData, generator: torch.Generator, count: int) -> tuple[Tensor, dict[str, Tensor]]:
        indices = torch.randint(len(part), (count,), generator=generator, device=generator.device)
        tokens = captions[part].draw(indices, 0.0, generator)
        with ranks.autocast():
            states = model(tokens).last_hidden_state.float()
        read = at_end_and_behind(states, tokens, tokenizer.eos_token_id, generator)
        loss_latents = F.mse_loss(heads.latents(read), coarse[part][indices].expand_as(heads.latents(read)))
        loss_attributes = {
            name: loss_attribute(heads.attributes[name](read), shown[part][indices, place])
            for place, name in enumerate(READ)
        }
        return torch.stack([*loss_attributes.values(), config.latents_weight * loss_latents]).sum(), loss_attributes

    def step(number: int) -> dict[str, float]:
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * trapezoid(number, config.steps, warm_up=30)
        loss, _ = losses(data, generator_of(config.seed, number, ranks, ranks.device), config.batch_size)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        ranks.mean_gradients(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return {"loss": loss.item()}

    @torch.no_grad()
    def look(number: int) -> None:
        _, found = losses(held_out, torch.Generator(ranks.device).manual_seed(0), 256)
        log.numbers(number, {f"held_out/{name}": value.item() for name, value in found.items()})

    state = {"model": model, "heads": heads, "optimizer": optimizer}
    settings = ranks.settings(config, pictures=len(data))
    train(folder / "text", config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=500)


def attributes(data: SceneData) -> Tensor:
    """(N, attributes) int64: which of its values each attribute of `READ` has in each scene."""
    scenes = map(data.scene, range(len(data)))
    return torch.tensor([[values.index(getattr(scene, name)) for name, values in READ.items()] for scene in scenes])


def loss_attribute(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of one attribute, mean over captions and places.

    Args:
        logits: (places, N, values).
        target: (N,) int64.
    """
    return F.cross_entropy(logits.flatten(0, 1), target.repeat(len(logits)))


def at_end_and_behind(hidden: Tensor, tokens: Tensor, end: int, generator: torch.Generator) -> Tensor:
    """What is said at the first end token and at a random place from there on: (2, N, width).

    Args:
        hidden: (N, T, width).
        tokens: (N, T); the end token also fills up.
    """
    rows = torch.arange(len(tokens), device=tokens.device)
    ends = (tokens == end).int().argmax(1)
    room = tokens.shape[1] - ends
    behind = ends + (torch.rand(len(tokens), generator=generator, device=tokens.device) * room).long()
    return torch.stack([hidden[rows, ends], hidden[rows, behind]])


def coarse_latents(latents: Tensor) -> Tensor:
    """(N, C, h, w) to (N, C * 16) float32: means over a 4 by 4 grid."""
    return F.adaptive_avg_pool2d(latents.float(), COARSE).flatten(1)


@torch.no_grad()
def begin_unknown_words_near_the_mean(model: nn.Module) -> None:
    """Words that no caption has hardly move from their first embedding, so let that say little."""
    embedding = model.get_input_embeddings().weight
    embedding.copy_(embedding.mean(0) + 0.3 * (embedding - embedding.mean(0)))
