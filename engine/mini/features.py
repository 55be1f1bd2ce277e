"""What `finish` compares: VGG19 features pooled over windows, of renders and of pictures that the model drew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.files import replacing
from engine.images import from_array
from engine.metrics.frechet import gaussian_of
from engine.metrics.vgg19 import Vgg19Features
from engine.mini.transport import Transport
from engine.scenes.shards import SceneData
from engine.training.parallel import Ranks

POOLED_LAYERS = ("relu2_2", "relu3_4", "relu4_4", "relu5_4")  # 128, 256, 512 and 512 numbers
AREA = 8  # pixels of the side of areas that must stay as they were


def decoded(decoder: nn.ModuleList, latents: Tensor) -> Tensor:
    """(N, 3, H, W) float32, channels last, of latents.

    Args:
        decoder: `post_quant_conv` and `decoder`.
    """
    post_quant_conv, layers = decoder
    return layers(post_quant_conv(latents)).float().contiguous(memory_format=torch.channels_last)


def pooled(vgg: Vgg19Features, pixels: Tensor) -> list[Tensor]:
    """(N, D) float32 of every pooled layer: the mean over the picture."""
    maps = vgg(pixels, POOLED_LAYERS)
    return [maps[layer].float().mean((2, 3)) for layer in POOLED_LAYERS]


def windows(pixels: Tensor, indices: Tensor | Sequence[int], side: int, seed: int) -> Tensor:
    """A square of each picture, at a place that is always the same for the picture of that number.

    Args:
        pixels: (N, 3, H, W); side: pixels of the squares.
    """
    found = []
    for picture, index in zip(pixels, indices, strict=True):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + int(index))
        room = picture.shape[-1] - side + 1
        top, left = torch.randint(room, (2,), generator=generator).tolist()
        found.append(picture[:, top : top + side, left : left + side])
    return torch.stack(found).contiguous(memory_format=torch.channels_last)


def areas(pixels: Tensor) -> Tensor:
    """(N, 3, H / 8, W / 8): means of pictures over squares of 8 pixels."""
    return F.avg_pool2d(pixels, AREA)


@dataclass(frozen=True)
class Beginning:
    """What a run begins with; minutes of work, kept in a file so that going on has it at once.

    Attributes:
        real, window, seed: see `finish.Config`.
        decoder: as it was before the run.
        drawings: (N, C, h, w) float16 latents that the model drew.
    """

    ranks: Ranks
    real: int
    window: int
    seed: int
    vgg: Vgg19Features
    decoder: nn.ModuleList
    data: SceneData
    drawings: Tensor

    @torch.no_grad()
    def read(self, file: Path) -> tuple[Transport, Tensor]:
        """The transport, and the 8 px means of all drawings as they were: (N, 3, H / 8, W / 8) float32."""
        layers = range(len(POOLED_LAYERS))
        if not self.ranks.agree(file.exists()):
            real = self._in_turns(self._of_render, min(self.real, 2 * len(self.drawings), len(self.data)))
            fake = self._in_turns(self._of_drawing, len(self.drawings))
            parts = {f"real_{k}": real[k] for k in layers} | {f"fake_{k}": fake[k] for k in layers}
            parts["areas"] = fake[-1]
            if self.ranks.first:
                file.parent.mkdir(parents=True, exist_ok=True)
                with replacing(file) as scratch:
                    np.savez(scratch, **{name: part.cpu().numpy() for name, part in parts.items()})
            self.ranks.agree(True)  # the others wait for the file
        with np.load(file) as stored:
            parts = {name: torch.from_numpy(stored[name]).to(self.ranks.device) for name in stored}
        aims = [gaussian_of(parts[f"real_{k}"]) for k in layers]
        return Transport(aims, [parts[f"fake_{k}"] for k in layers]), parts["areas"]

    def _of_render(self, place: int) -> list[Tensor]:
        pixels = from_array(self.data.pictures([place])).to(self.ranks.device)
        return pooled(self.vgg, windows(pixels, [place], self.window, self.seed))

    def _of_drawing(self, place: int) -> list[Tensor]:
        pixels = decoded(self.decoder, self.drawings[[place]].float().to(self.ranks.device))
        return [*pooled(self.vgg, windows(pixels, [place], self.window, self.seed)), areas(pixels)]

    def _in_turns(self, make: Callable[[int], list[Tensor]], count: int) -> list[Tensor]:
        """What `make` gives for every place, (1, ...) each, as (count, ...); the processes share the work."""
        turns = -(-count // self.ranks.size)
        places = (min(turn * self.ranks.size + self.ranks.rank, count - 1) for turn in range(turns))
        with self.ranks.autocast(cpu=True):
            made = [make(place) for place in places]
        found = [self.ranks.gathered(torch.cat(parts)) for parts in zip(*made, strict=True)]
        return [part.unflatten(0, (-1, turns)).transpose(0, 1).flatten(0, 1)[:count] for part in found]
