"""Four pictures of `mini` in one batch against four one after the other, in turn in one process.

    python -m benchmarks batch

The UNet with guidance, of which a picture has 12 steps, and the decoder, of each engine that is here. Processor time,
which says the same on a busy machine; the first round (converting, compiling) does not count.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from engine.computing.names import openvino_version
from engine.device import choose
from engine.diffusion.loading import LoadedModel, load
from engine.settings import Settings
from engine.weights.models import Catalogue

ROUNDS = 7
STEPS = 12
SIDE = 32  # of the latents of 256 px
PICTURES = 4

Network = Callable[..., object]


@torch.no_grad()
def main() -> None:
    """Print the ratio of each network and of a picture, by engine."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), device="cpu")
        model = load(Catalogue(settings).get("mini"), choose("cpu"))
        engines = {"PyTorch": _torch(model)}
        if openvino_version():
            engines["OpenVINO"] = _openvino(model, settings.home)
        print("| engine | a step of the UNet | the decoder | a picture |\n|---|---|---|---|")
        for name, (unet, decoder) in engines.items():
            (single, four), (plain, decoded) = _seconds(unet, *_unet_inputs(model)), _seconds(decoder, *_latents(model))
            whole = (STEPS * four + decoded) / (STEPS * single + plain)
            print(f"| {name} | {four / single:.2f} | {decoded / plain:.2f} | {whole:.2f} |", flush=True)


def _torch(model: LoadedModel) -> tuple[Network, Network]:
    unet, decoder = model.pipeline.unet, model.pipeline.vae.decoder
    return lambda latents, when, text: unet(latents, when, encoder_hidden_states=text, return_dict=False), decoder


def _openvino(model: LoadedModel, home: Path) -> tuple[Network, Network]:
    from engine.diffusion.backends.compiled import BARE, Compiled
    from engine.diffusion.backends.converting import converted_place

    compiled = Compiled(converted_place(model, home))

    def network(part: str) -> Network:
        return lambda *inputs: compiled.run(
            part, tuple(tuple(each.shape) for each in inputs), model.pipeline.unet, BARE
        )(*inputs)

    return network("unet"), network("decoder")


def _unet_inputs(model: LoadedModel) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Of one picture, and of four."""
    unet = model.pipeline.unet.config

    def inputs(pictures: int) -> tuple[Tensor, ...]:
        latents = torch.randn(2 * pictures, unet.in_channels, SIDE, SIDE)
        return latents, torch.tensor(500.0), torch.randn(2 * pictures, 77, unet.cross_attention_dim)

    return inputs(1), inputs(PICTURES)


def _latents(model: LoadedModel) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    channels = model.pipeline.vae.config.latent_channels
    return (torch.randn(1, channels, SIDE, SIDE),), (torch.randn(PICTURES, channels, SIDE, SIDE),)


def _seconds(network: Network, one: tuple[Tensor, ...], four: tuple[Tensor, ...]) -> tuple[float, float]:
    """Medians of four one after the other, and of four at once."""

    def taken(inputs: tuple[Tensor, ...], times: int) -> float:
        started = time.process_time()
        for _ in range(times):
            network(*inputs)
        return time.process_time() - started

    rounds = [(taken(one, PICTURES), taken(four, 1)) for _ in range(ROUNDS + 1)][1:]
    return statistics.median(each[0] for each in rounds), statistics.median(each[1] for each in rounds)
