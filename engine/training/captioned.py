"""Captions as tokens, drawn anew at every step."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from engine.scenes.captions import caption
from engine.scenes.scene import Scene
from engine.training.mini import TOKENS


def draw_captions(scenes: Sequence[Scene], generator: torch.Generator, empty: float = 0.0) -> list[str]:
    """One caption for each scene.

    Args:
        empty: share of empty captions, for classifier-free guidance (Ho and Salimans 2022).
    """
    rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    return ["" if rng.random() < empty else caption(scene, rng) for scene in scenes]


def tokens_of(tokenizer: CLIPTokenizer, captions: Sequence[str]) -> Tensor:
    """(N, 77) int64, as the pipeline makes them."""
    texts = tokenizer(list(captions), padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt")
    return texts.input_ids
