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
    return _saved(tiny_compact(scale, seed), path)


def save_esrgan(path: Path, scale: int = 2, channels: int = 3) -> Path:
    """An ESRGAN of one block."""
    from spandrel.architectures.ESRGAN import ESRGAN

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = ESRGAN(in_nc=channels, out_nc=channels, num_filters=8, num_blocks=1, scale=scale)
    return _saved(network, path)


def save_swinir(path: Path, scale: int = 2) -> Path:
    """A SwinIR of one layer, a transformer that looks through windows of 8 pixels."""
    from spandrel.architectures.SwinIR import SwinIR

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = SwinIR(
            img_size=64, embed_dim=12, depths=[2], num_heads=[2], window_size=8, upscale=scale, upsampler="pixelshuffle"
        )
    return _saved(network, path)


def _saved(network: torch.nn.Module, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return path
