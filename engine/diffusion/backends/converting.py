"""Convert a model's UNet and decoder for OpenVINO, once, into a folder that is whole or not there."""

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import openvino
import psutil
import torch
from torch import Tensor, nn

from engine.diffusion.backends.compiled import Compiled, explaining
from engine.diffusion.backends.names import MAKING, openvino_version
from engine.diffusion.backends.seam import CannotCompute
from engine.diffusion.loading import LoadedModel
from engine.diffusion.lora import Worn
from engine.files import write_json

SPARE_BYTES = 500_000_000  # of disk and of memory that stay free
TOLERANCE = 1e-3  # of the largest number, between what PyTorch and the converted networks compute
TEXT_LENGTH = 77


def convert(model: LoadedModel, place: Path) -> None:
    """Write the converted networks of a model to `place`, compared with PyTorch's on one input.

    A model that converts but computes something else is kept as unfit, so that nobody tries it again.

    Raises:
        CannotCompute: there is no room for it, or it cannot be converted.
    """
    _require_room(model, place.parent)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=MAKING) as name, explaining():
        made = Path(name) / place.name
        made.mkdir()
        unfit = ""
        try:
            with explaining():
                _write(model, made)
                _require_same(model, made)
        except CannotCompute as error:
            if isinstance(error.__cause__, OSError):  # a full disk says nothing of the model
                raise
            unfit = str(error)
            for file in made.iterdir():
                file.unlink()
        about = {"model": model.info.title, "openvino": openvino_version(), "unfit": unfit}
        write_json(made / "about.json", about)
        if place.is_dir():  # unfit before, or half removed
            shutil.rmtree(place, ignore_errors=True)
        made.rename(place)
    if unfit:
        raise CannotCompute(unfit)


def _require_room(model: LoadedModel, folder: Path) -> None:
    wanted = sum(tensor.numel() * 4 for part in _parts(model).values() for tensor in part.parameters())
    at = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    for what, free, needed in (
        ("disk", shutil.disk_usage(at).free, wanted + SPARE_BYTES),
        ("memory", psutil.virtual_memory().available, 2 * wanted + SPARE_BYTES),
    ):
        if free < needed:
            raise CannotCompute(
                f"its converted weights need {needed / 1e9:.1f} GB of free {what}, and {free / 1e9:.1f} GB are free."
            )


def _write(model: LoadedModel, folder: Path) -> None:
    for part, module in _parts(model).items():
        graph = _converted(module, example_inputs(model)[part])
        try:
            openvino.save_model(graph, folder / f"{part}.xml", compress_to_fp16=False)
        except RuntimeError as error:  # what OpenVINO says of a disk
            raise OSError(f"its converted {part} could not be written: {error}") from error


@torch.no_grad()
def _converted(module: nn.Module, example: tuple[Tensor, ...]) -> openvino.Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a trace warns of each shape that it follows
        traced = torch.jit.trace(module, example, check_trace=False)
        return openvino.convert_model(traced, example_input=example)


@torch.no_grad()
def _require_same(model: LoadedModel, folder: Path) -> None:
    compiled = Compiled(folder)
    for part, module in _parts(model).items():
        inputs = example_inputs(model)[part]
        expected = module(*inputs)
        got = compiled.run(part, tuple(tuple(tensor.shape) for tensor in inputs), module, Worn([]))(*inputs)
        apart, largest = float((got - expected).abs().max()), float(expected.abs().max())
        if not apart <= TOLERANCE * max(largest, 1e-3):
            raise CannotCompute(f"its converted {part} computes something else ({apart:g} of {largest:g}).")


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
