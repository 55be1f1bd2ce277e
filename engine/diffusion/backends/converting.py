"""Convert a model's UNet and decoder for OpenVINO, once, into a folder that is whole or not there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.computing.graphs import converted, require_same, save
from engine.computing.keeping import keep, sweep
from engine.computing.names import CannotCompute
from engine.diffusion.backends.compiled import BARE, Compiled
from engine.diffusion.backends.names import place_of, sources, why_unfit
from engine.diffusion.loading import LoadedModel
from engine.weights.hashes import file_sha256

TEXT_LENGTH = 77


def converted_place(
    model: LoadedModel, home: Path, begin: Callable[[LoadedModel], object] = lambda model: None
) -> Path:
    """The folder of a converted model, made now where it is not there.

    Args:
        begin: called before it is made.

    Raises:
        CannotCompute: there is no room for it, or it cannot be converted.
        OSError: its files cannot be read.
    """
    hashes = [file_sha256(path, home / "hashes.json") for path in sources(model.info)]
    place = place_of(home, model.info, hashes)
    unfit = why_unfit(place)
    if unfit:
        raise CannotCompute(unfit)
    if unfit is None:
        begin(model)
        sweep(home)
        convert(model, place)
    return place


def convert(model: LoadedModel, place: Path) -> None:
    """Write the converted networks of a model to `place`, compared with PyTorch's on one input.

    Raises:
        CannotCompute: there is no room for it, or it cannot be converted.
    """

    def write(folder: Path) -> None:
        for part, module in _parts(model).items():
            save(converted(module, example_inputs(model)[part]), folder / f"{part}.xml")
        _require_same(model, folder)

    wanted = sum(tensor.numel() * 4 for part in _parts(model).values() for tensor in part.parameters())
    keep(place, model.info.title, wanted, write)


@torch.no_grad()
def _require_same(model: LoadedModel, folder: Path) -> None:
    compiled = Compiled(folder)
    for part, module in _parts(model).items():
        inputs = example_inputs(model)[part]
        run = compiled.run(part, tuple(tuple(tensor.shape) for tensor in inputs), module, BARE)
        require_same(part, run(*inputs), module(*inputs))


def example_inputs(model: LoadedModel) -> dict[str, tuple[Tensor, ...]]:
    """By part: inputs of sides that halve to no whole number, so that the graph holds for every size."""
    unet, vae = model.pipeline.unet, model.pipeline.vae
    side = 2**unet.num_upsamplers + 1
    random = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    told = unet.config.time_cond_proj_dim
    return {
        "unet": (
            drawn(2, unet.config.in_channels, side, side),
            torch.tensor(500.0),
            drawn(2, TEXT_LENGTH, unet.config.cross_attention_dim),
            *([drawn(2, told)] if told else []),
        ),
        "decoder": (drawn(1, vae.config.latent_channels, side, side),),
    }


class _Unet(nn.Module):
    """With plain arguments, and by the name that its weights have in the graph."""

    def __init__(self, unet: nn.Module):
        super().__init__()
        self.unet = unet

    def forward(self, sample: Tensor, timestep: Tensor, text: Tensor, told: Tensor | None = None) -> Tensor:
        return self.unet(sample, timestep, encoder_hidden_states=text, timestep_cond=told, return_dict=False)[0]


def _parts(model: LoadedModel) -> dict[str, Any]:
    return {"unet": _Unet(model.pipeline.unet).eval(), "decoder": model.pipeline.vae.decoder}
