"""Prompts and captions as tokens."""

from collections.abc import Sequence

from torch import Tensor
from transformers import CLIPTokenizer

TOKENS = 77  # what CLIP's text encoders read, start and end included


def tokens_of(tokenizer: CLIPTokenizer, texts: Sequence[str]) -> Tensor:
    """(N, 77) int64, as the pipeline makes them; longer texts are cut off."""
    tokens = tokenizer(list(texts), padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt")
    return tokens.input_ids
