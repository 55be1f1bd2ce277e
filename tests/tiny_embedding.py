"""Tiny embeddings (textual inversion) for the pipelines of `tests.tiny`, as artists' files have them."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor


def save_embedding(path: Path, vectors: int = 2, width: int = 32, key: str = "emb_params", seed: int = 0) -> Path:
    """Random vectors under that key; 1-dimensional where there is one, as diffusers' training saves it."""
    drawn = torch.randn(vectors, width, generator=torch.Generator().manual_seed(seed))
    return save_tensors(path, {key: drawn[0] if vectors == 1 else drawn})


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    return path
