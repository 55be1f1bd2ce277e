"""Captions as tokens: of every scene several wordings, of which each step draws one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from engine.diffusion.tokens import TOKENS, tokens_of
from engine.files import replacing
from engine.mini.tokenizer import read_tokenizer
from engine.scenes.captions import captions
from engine.scenes.shards import SceneData, made_path, read_made
from engine.training.parallel import Ranks

WORDINGS = 16  # of each scene


@dataclass(frozen=True)
class Captions:
    """Of all scenes of a set.

    Attributes:
        tokens: (N, wordings, 77) int16.
        none: (77,) int16, of the empty caption.
    """

    tokens: Tensor
    none: Tensor

    def draw(self, indices: Tensor, empty: float, generator: torch.Generator) -> Tensor:
        """(n, 77) int64: one caption for each scene.

        Args:
            indices: (n,) int64 of scenes.
            empty: share of empty captions, for classifier-free guidance (Ho and Salimans 2022).
        """
        count, device = len(indices), generator.device
        wording = torch.randint(self.tokens.shape[1], (count,), generator=generator, device=device)
        without = torch.rand((count, 1), generator=generator, device=device) < empty
        return torch.where(without, self.none, self.tokens[indices, wording]).long()


def write_captions(ranks: Ranks, data: SceneData, tokenizer_folder: Path, folder: Path) -> None:
    """Write the tokens of every scene's captions, (shard, wordings, 77) int16 a file; the processes take turns."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = read_tokenizer(tokenizer_folder)
    for shard in range(ranks.rank, data.shards, ranks.size):
        path = made_path(folder, data, shard)
        if path.exists():
            continue
        rng = np.random.default_rng(data.first_seed + shard)
        scenes = map(data.scene, range(shard * data.shard, (shard + 1) * data.shard))
        texts = [text for scene in scenes for text in captions(scene, rng, WORDINGS)]
        tokens = tokens_of(tokenizer, texts).view(data.shard, WORDINGS, TOKENS)
        with replacing(path) as file:
            np.save(file, tokens.numpy().astype(np.int16))


def read_captions(folder: Path, data: SceneData, tokenizer: CLIPTokenizer, device: torch.device) -> Captions:
    """What `write_captions` wrote.

    Raises:
        NotFound: it is not made yet.
    """
    tokens = torch.from_numpy(read_made(folder, data, "captions"))
    none = tokens_of(tokenizer, [""])[0].to(tokens.dtype)
    return Captions(tokens.to(device), none.to(device))
