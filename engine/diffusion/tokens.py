"""Prompts and captions as tokens."""

from collections.abc import Sequence

from torch import Tensor
from transformers import CLIPTokenizer

TOKENS = 77  # what CLIP's text encoders read, start and end included


def fit(tokenizer: CLIPTokenizer, positions: int) -> CLIPTokenizer:
    """The same tokenizer, cutting texts off where it or the text encoder does, whichever is sooner.

    Args:
        tokenizer: one that names no limit of its own carries 10^30.
        positions: how many tokens the text encoder has places for (`max_position_embeddings`).
    """
    tokenizer.model_max_length = int(min(tokenizer.model_max_length, positions))
    return tokenizer


def tokens_of(tokenizer: CLIPTokenizer, texts: Sequence[str]) -> Tensor:
    """(N, model_max_length) int64, as the pipeline makes them; longer texts are cut off.

    Args:
        tokenizer: with a limit (`fit`); 77 for CLIP.
    """
    length = tokenizer.model_max_length
    tokens = tokenizer(list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return tokens.input_ids
