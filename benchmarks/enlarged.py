"""Seconds of *Large* and *Wide*: one picture of `mini`, drawn and made twice as large, by each engine that is here.

    python -m benchmarks enlarged

By the clock, with as many threads as a worker takes; the first round (converting, compiling) does not count.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from engine.computing.names import openvino_version, threads
from engine.device import choose
from engine.diffusion.backends.choosing import Backends
from engine.diffusion.loading import LoadedModel, load
from engine.diffusion.request import TextToImage
from engine.diffusion.text_to_image import generate
from engine.settings import OPENVINO, TORCH, Settings
from engine.upscaling.catalogue import upscalers
from engine.upscaling.loading import LoadedUpscaler
from engine.upscaling.running import enlarged
from engine.weights.models import Catalogue

ROUNDS, TIMES = 5, 2
REQUEST = TextToImage(
    prompt="a windmill by a lake",
    seed=1,
    num_inference_steps=12,
    scheduler="DPM++ 2M",
    width=256,
    height=256,
    model="mini",
)
SIZES = {"Large": (256, 256), "Wide": (384, 256)}


def main() -> None:
    """Print medians of drawing, of enlarging, and of both."""
    device = choose("cpu")
    print(f"{device.name}, threads of PyTorch {torch.get_num_threads()}, of OpenVINO {threads()}, {ROUNDS} rounds\n")
    print("|  | engine | drawing | enlarging | both |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), device="cpu")
        model = load(Catalogue(settings).get("mini"), device)
        upscaler = LoadedUpscaler(upscalers(settings)[0], device)
        backends = Backends(settings)
        for name, (width, height) in SIZES.items():
            for engine in (TORCH, OPENVINO) if openvino_version() else (TORCH,):
                request = replace(REQUEST, width=width, height=height, backend=engine)
                rounds = [
                    _seconds(model, upscaler, backends, replace(request, seed=each)) for each in range(ROUNDS + 1)
                ][1:]
                drawing, enlarging = (median(each) for each in zip(*rounds, strict=True))
                size, both = f"{name}, {TIMES * width} x {TIMES * height}", median(map(sum, rounds))
                print(f"| {size} | {engine} | {drawing:.2f} s | {enlarging:.2f} s | {both:.2f} s |", flush=True)


def _seconds(
    model: LoadedModel, upscaler: LoadedUpscaler, backends: Backends, request: TextToImage
) -> tuple[float, float]:
    """Of drawing and of enlarging."""
    started = time.perf_counter()
    drawn = next(generate(model, request, [], backend=backends.of(request)))
    between = time.perf_counter()
    enlarged(upscaler, np.asarray(drawn.image), TIMES)
    return between - started, time.perf_counter() - between


if __name__ == "__main__":
    main()
