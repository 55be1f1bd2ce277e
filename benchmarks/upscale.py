"""Making pictures larger with the shipped network: seconds, and how near it comes beside Lanczos' filter.

The renders that it is measured on took part in no training; Real-ESRGAN has never seen the renderer at all.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.device import Device
from engine.images import from_pil
from engine.metrics.image_quality import psnr
from engine.scenes.render import render
from engine.scenes.scene import random_scene
from engine.settings import Settings
from engine.upscaling.catalogue import upscalers
from engine.upscaling.loading import LoadedUpscaler
from engine.upscaling.running import enlarged

LOOKS = ("painterly", "cel", "ink", "mono")
FIRST_SEED = 9_000_000
PICTURES = 24  # of each look
ROUNDS = 7


def main() -> None:
    """Print both tables."""
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as home:
        info = upscalers(Settings(home=Path(home)))[0]
        model = LoadedUpscaler(info, Device(torch.device("cpu"), torch.float32, "the CPU"))
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for side in (256, 768):
            print(f"{side} to {4 * side} px, {threads} threads: {_seconds(model, side):.2f} s in the median")
    for look in LOOKS:
        _compare(model, look)


def _seconds(model: LoadedUpscaler, side: int) -> float:
    small = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    times = []
    for _ in range(ROUNDS):
        started = time.monotonic()
        enlarged(model, small, 4)
        times.append(time.monotonic() - started)
    return statistics.median(times)


def _compare(model: LoadedUpscaler, look: str) -> None:
    """PSNR of renders of 256 pixels, brought down to half by Lanczos' filter and up again."""
    ours, lanczos = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + PICTURES):
        large = Image.fromarray(render(random_scene(seed, look=look), 256))
        small = large.resize((128, 128), Image.Resampling.LANCZOS)
        ours.append(_psnr(Image.fromarray(enlarged(model, np.array(small), 2)), large))
        lanczos.append(_psnr(small.resize((256, 256), Image.Resampling.LANCZOS), large))
    better = sum(a > b for a, b in zip(ours, lanczos, strict=True))
    print(
        f"{look:10} {statistics.mean(ours):.2f} dB, Lanczos {statistics.mean(lanczos):.2f} dB, "
        f"nearer in {better} of {PICTURES}"
    )


def _psnr(made: Image.Image, target: Image.Image) -> float:
    return psnr(from_pil(made), from_pil(target)).mean


if __name__ == "__main__":
    main()
