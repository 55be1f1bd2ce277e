"""Tiny upscaling networks with random weights, as files; they go through the studio's real loaders."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.upscaling.networks import Compact


def tiny_compact(scale: int = 4, seed: int = 0) -> Compact:
    """A compact network of 8 channels that sees 4 pixels far."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Compact(features=8, convolutions=2, scale=scale).eval().requires_grad_(False)


def save_compact(path: Path, scale: int = 4, seed: int = 0) -> Path:
    """The file of one; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tiny_compact(scale, seed).state_dict(), path)
    return path


def save_esrgan(path: Path, scale: int = 2) -> Path:
    """An ESRGAN of one block, which sees further than any one convolution says."""
    from spandrel.architectures.ESRGAN import RRDBNet

    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = RRDBNet(num_filters=8, num_blocks=1, scale=scale)
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return path
