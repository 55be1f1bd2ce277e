"""Text-encoder warm-up: it learns to tell what a caption says before the denoiser needs it.

A denoiser and a text encoder from random weights ignore each other for tens of thousands of pictures. Here linear
heads read every attribute of the scene, and a coarse picture of its latents, from the end token and from a
random place behind it, because the denoiser attends to all places.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

from engine.mini import networks
from engine.mini.captions import Captions, read_captions
from engine.mini.latents import read_latents
from engine.mini.tokenizer import read_tokenizer
from engine.scenes.scene import CHOICES
from engine.scenes.shards import SceneData
from engine.training.config import at_least, learning_rate, require
from engine.training.loop import Log, generator_of, train, trapezoid
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks

READ = {name: values for name, values in CHOICES.items() if name != "look"}
COARSE = 4  # places a side of the coarse latents


@dataclass(frozen=True)
class Config:
    """Settings of the warm-up.

    Attributes:
        steps: optimizer steps in all, 1 or more.
        batch_size: captions per process and step.
        learning_rate: of AdamW at its plateau, between 0 and 1.
        latents_weight: of the mean square error of the coarse latents, beside cross entropies in nats; 0 or more.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    steps: int = 1500
    batch_size: int = 32
    learning_rate: float = 1e-3
    latents_weight: float = 2.0
    seed: int = 1

    def __post_init__(self) -> None:
        rules = {
            "steps": at_least(self.steps, 1),
            "batch_size": at_least(self.batch_size, 1),
            "learning_rate": learning_rate(self.learning_rate),
            "latents_weight": at_least(self.latents_weight, 0),
        }
        require(self, rules)


CUDA = Config(steps=3000, batch_size=256)


class Heads(nn.Module):
    """Linear readers of the attributes and of the coarse latents."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes = nn.ModuleDict({name: nn.Linear(networks.TEXT_WIDTH, len(v)) for name, v in READ.items()})
        self.latents = nn.Linear(networks.TEXT_WIDTH, networks.LATENT_CHANNELS * COARSE * COARSE)


@dataclass(frozen=True)
class Shown:
    """What the captions of one set of scenes should tell, on the device.

    Attributes:
        attributes: (N, attributes) int64, see `attributes`.
        coarse: (N, C * 16) float32, see `coarse_latents`.
    """

    captions: Captions
    attributes: Tensor
    coarse: Tensor


def read_shown(folder: Path, data: SceneData, tokenizer: CLIPTokenizer, device: torch.device) -> Shown:
    """What earlier stages left of a set of scenes."""
    coarse = coarse_latents(read_latents(folder / "latents", data)).to(device)
    captions = read_captions(folder / "captions", data, tokenizer, device)
    return Shown(captions, attributes(data).to(device), coarse)


@dataclass(frozen=True)
class Objective:
    """What the heads must read from the text encoder.

    Attributes:
        end: number of the end token.
    """

    config: Config
    ranks: Ranks
    model: CLIPTextModel
    heads: Heads
    end: int

    def losses(self, shown: Shown, count: int, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of so many captions, and the part of each attribute by its name."""
        indices = torch.randint(len(shown.attributes), (count,), generator=generator, device=generator.device)
        tokens = shown.captions.draw(indices, 0.0, generator)
        with self.ranks.autocast():
            states = self.model(tokens).last_hidden_state.float()
        read = at_end_and_behind(states, tokens, self.end, generator)
        preds = self.heads.latents(read)
        loss_latents = F.mse_loss(preds, shown.coarse[indices].expand_as(preds))
        loss_attributes = {
            name: loss_attribute(self.heads.attributes[name](read), shown.attributes[indices, place])
            for place, name in enumerate(READ)
        }
        parts = [*loss_attributes.values(), self.config.latents_weight * loss_latents]
        return torch.stack(parts).sum(), loss_attributes


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


def run(ranks: Ranks, config: Config, folder: Path, data: SceneData, held_out: SceneData) -> None:
    """Train, or go on; the text encoder is in `text/checkpoint.pt` as `model`."""
    torch.manual_seed(config.seed)
    tokenizer = read_tokenizer(folder / "tokenizer")
    model, heads = networks.text_encoder(len(tokenizer)).to(ranks.device), Heads().to(ranks.device)
    begin_unknown_words_near_the_mean(model)
    objective = Objective(config, ranks, model, heads, tokenizer.eos_token_id)
    parameters = [*model.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=0.01)
    shown, shown_held_out = (read_shown(folder, part, tokenizer, ranks.device) for part in (data, held_out))
    log = Log(folder / "text", quiet=not ranks.first)

    def step(number: int) -> dict[str, float]:
        set_learning_rate(config.learning_rate * trapezoid(number, config.steps, warm_up=30), optimizer)
        generator = generator_of(config.seed, number, ranks, ranks.device)
        loss, _ = objective.losses(shown, config.batch_size, generator)
        update(optimizer, loss, ranks)
        return {"loss": loss.item()}

    @torch.no_grad()
    def look(number: int) -> None:
        _, found = objective.losses(shown_held_out, 256, torch.Generator(ranks.device).manual_seed(0))
        log.numbers(number, {f"held_out/{name}": value.item() for name, value in found.items()})

    state = {"model": model, "heads": heads, "optimizer": optimizer}
    settings = ranks.settings(config, pictures=len(data))
    train(folder / "text", config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=500)
