"""The engines beside each other: PyTorch and OpenVINO, without LoRAs and with one and two, in turn in one process.

Processor time, which says the same on a busy machine; the first round (converting, compiling, reading) does not count.
"""

import statistics
import tempfile
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from engine.computing.names import openvino_version
from engine.device import choose
from engine.diffusion.backends.choosing import Backends
from engine.diffusion.loading import load
from engine.diffusion.request import TextToImage
from engine.diffusion.text_to_image import GeneratedImage, generate
from engine.settings import OPENVINO, TORCH, Settings
from engine.weights.loras import list_loras
from engine.weights.models import Catalogue

ROUNDS = 5
REQUEST = TextToImage(prompt="a castle on a mountain at sunset", seed=1, width=256, height=256, model="mini")
WAYS = ((TORCH, False), (TORCH, True), (OPENVINO, True))  # engine, LoRAs merged
REFERENCE = (TORCH, False)


def main() -> None:
    """Print medians, ratios to PyTorch without LoRAs, and how near the pictures are to PyTorch's."""
    if not openvino_version():
        print("OpenVINO is not installed.")
        return
    with tempfile.TemporaryDirectory() as home:
        _compare(Settings(home=Path(home), device="cpu"))


def _compare(settings: Settings) -> None:
    model = load(Catalogue(settings).get("mini"), choose("cpu"))
    backends = Backends(settings)
    loras = [(info, 0.6) for info in list_loras(settings.lora_folders) if not info.problem]

    def draw(count: int, way: tuple[str, bool], seed: int) -> tuple[float, GeneratedImage]:
        request = replace(REQUEST, seed=seed, backend=way[0], loras_merged=way[1])
        started = time.process_time()
        image = next(generate(model, request, loras[:count], backend=backends.of(request)))
        return time.process_time() - started, image

    cases = [case for case in product(range(3), WAYS) if case != (0, (TORCH, True))]
    rounds = [{case: draw(*case, seed) for case in cases} for seed in range(ROUNDS + 1)][1:]
    print("LoRAs engine   merged  median   ratio  nearest to PyTorch's own, worst")
    for count, way in cases:
        ratio = statistics.median(each[count, way][0] / each[0, REFERENCE][0] for each in rounds)
        seconds = statistics.median(each[count, way][0] for each in rounds)
        near = min(_psnr(each[count, way][1], each[count, REFERENCE][1]) for each in rounds)
        print(f"{count:5} {way[0]:8} {way[1]!s:6} {seconds:6.2f} s  {ratio:5.2f}  {near:.1f} dB")


def _psnr(one: GeneratedImage, other: GeneratedImage) -> float:
    error = np.square(np.asarray(one.image).astype(float) - np.asarray(other.image)).mean()
    return float(10 * np.log10(255**2 / error)) if error else float("inf")
