"""Captioned pictures as latents, and which of them a step sees."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor

from engine.datasets.augment import Augmentation
from engine.datasets.pictures import CaptionedPicture, open_picture
from engine.diffusion.tokens import tokens_of
from engine.training.loop import generator_of
from engine.training.parallel import Ranks
from engine.training.pixels import prepare

ORDER_STREAM = -1  # orders are drawn from steps below 0, so that they share no numbers with the training steps


@dataclass(frozen=True)
class Deck:
    """The order in which pictures are seen: every pass shows each as often as its repeats, in a new order.

    It depends on the seed and the step alone, so that a run that goes on sees what it would have seen.
    """

    pictures: Sequence[CaptionedPicture]
    seed: int

    @property
    def size(self) -> int:
        """Looks in one pass."""
        return sum(picture.repeats for picture in self.pictures)

    def looks(self, first: int, count: int) -> list[CaptionedPicture]:
        """The pictures of so many looks, from look number `first` on."""
        return [self._order(look // self.size)[look % self.size] for look in range(first, first + count)]

    def _order(self, number: int) -> list[CaptionedPicture]:
        repeated = [picture for picture in self.pictures for _ in range(picture.repeats)]
        generator = generator_of(self.seed, ORDER_STREAM - number, Ranks())
        return [repeated[place] for place in torch.randperm(len(repeated), generator=generator).tolist()]


@dataclass(frozen=True)
class Encoder:
    """The frozen half of a model: pictures to latents.

    Attributes:
        varies: whether pictures look different each time; if not, what the VAE says of one is kept.
    """

    pipeline: StableDiffusionPipeline
    augmentation: Augmentation
    varies: bool
    _kept: dict[object, Tensor] = field(default_factory=dict)

    def latents(self, pictures: Sequence[CaptionedPicture], generator: torch.Generator) -> Tensor:
        """(N, C, h, w) float32 on the CPU, drawn from what the VAE says of each picture."""
        moments = torch.cat([self._look(picture, generator) for picture in pictures])
        return DiagonalGaussianDistribution(moments).sample(generator) * self._scale

    def mean_latents(self, picture: CaptionedPicture) -> Tensor:
        """(1, C, h, w) float32 on the CPU: the middle of the picture, without chance."""
        return DiagonalGaussianDistribution(self._centred(picture)).mode() * self._scale

    @property
    def _scale(self) -> float:
        return self.pipeline.vae.config.scaling_factor

    def _look(self, picture: CaptionedPicture, generator: torch.Generator) -> Tensor:
        return self._moments(picture, generator) if self.varies else self._centred(picture)

    def _centred(self, picture: CaptionedPicture) -> Tensor:
        if picture.path not in self._kept:
            self._kept[picture.path] = self._moments(picture, None)
        return self._kept[picture.path]

    @torch.no_grad()
    def _moments(self, picture: CaptionedPicture, generator: torch.Generator | None) -> Tensor:
        """(1, 2 C, h, w): mean and log-variance."""
        vae = self.pipeline.vae
        pixels = prepare(open_picture(picture.path), self.augmentation, generator)[None]
        return vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.parameters.float().cpu()


def draw_captions(pictures: Sequence[CaptionedPicture], empty: float, generator: torch.Generator) -> list[str]:
    """Their captions; a share of them is left empty, for classifier-free guidance (Ho and Salimans 2022)."""
    draws = torch.rand(len(pictures), generator=generator).tolist()
    return ["" if draw < empty else picture.caption for draw, picture in zip(draws, pictures, strict=True)]


def states_of(pipeline: StableDiffusionPipeline, captions: Sequence[str]) -> Tensor:
    """(N, 77, width) of captions, as the pipeline encodes prompts."""
    tokens = tokens_of(pipeline.tokenizer, captions).to(pipeline.text_encoder.device)
    return pipeline.text_encoder(tokens).last_hidden_state


def in_batches(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `count` places."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
