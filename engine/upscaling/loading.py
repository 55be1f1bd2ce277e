"""From an upscaler's file to a network on the device."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.computing.names import CannotCompute, openvino_version
from engine.device import Device, is_out_of_memory
from engine.errors import ModelBroken, ModelUnavailable
from engine.settings import OPENVINO, TORCH
from engine.upscaling.catalogue import SHIPPED, Upscaler, file_state, note_look
from engine.upscaling.networks import Compact, Network, compact
from engine.upscaling.quick import Quick
from engine.weights.hashes import file_sha256
from engine.weights.safetensors_file import check_upscaler

log = logging.getLogger(__name__)

SCALES = range(2, 9)  # 16 times in one pass is 256 pixels of nothing for each one


class LoadedUpscaler:
    """An upscaler, ready on a device.

    Attributes:
        info: from the catalogue, with what opening the file has shown.
        network: what the tiles ask.
        sha256: of its file.
        state: of its file, before it was read.

    Args:
        backend: of the settings. OpenVINO computes the one that ships on a processor, unless this says PyTorch.

    Raises:
        ModelUnavailable: it cannot be used, as the catalogue says.
        ModelBroken, UnsafeFile: the file holds no network that enlarges pictures.
    """

    def __init__(self, info: Upscaler, device: Device, backend: str = ""):
        if info.problem:
            raise ModelUnavailable(info.problem)
        check_upscaler(info.path)
        self.state = file_state(info.path)
        self.sha256 = file_sha256(info.path)
        load = partial(_shipped, backend=backend) if info.name == SHIPPED else _own
        try:
            self.network, self.architecture = load(info.path, device)
        except ModelBroken as error:
            note_look(info, {"problem": str(error)})
            raise
        self.info = info
        if info.name != SHIPPED:
            note_look(info, {"architecture": self.architecture, "scale": self.network.scale})

    @property
    def backend(self) -> str:
        """What computes it."""
        return OPENVINO if isinstance(self.network.ask, Quick) and not self.network.ask.failed else TORCH


def _shipped(path: Path, device: Device, backend: str) -> tuple[Network, str]:
    try:
        model = compact(load_file(path))
    except (KeyError, RuntimeError, IndexError, ValueError) as error:
        raise ModelBroken(f"{path.name} is not the network that ships. Fetch the studio's files anew.") from error
    model = model.to(device.torch_device, device.dtype, memory_format=torch.channels_last)
    ask = model if device.is_cuda or backend == TORCH else _quick(model)
    return Network(ask, model.scale, model.reach, device.torch_device, device.dtype), "RealESRGAN Compact"


def _quick(model: Compact) -> Callable[[Tensor], Tensor]:
    if not openvino_version():
        return model
    try:
        return Quick(model)
    except CannotCompute as error:
        log.warning("PyTorch enlarges, since OpenVINO cannot: %s", error)
        return model


def _own(path: Path, device: Device) -> tuple[Network, str]:
    import spandrel  # seconds of imports, which only the artist's own files need

    found = _understood(path, lambda: spandrel.ModelLoader().load_from_state_dict(_tensors(path)))
    if problem := _unfit(found):
        raise ModelBroken(f"{path.name} {problem}")
    dtype = device.dtype if found.supports_half or device.dtype != torch.float16 else torch.float32
    found.to(device.torch_device, dtype).eval()
    network = Network(found, found.scale, None, device.torch_device, dtype)
    _understood(path, lambda: _try_out(network))
    return network, found.architecture.name


def _tensors(path: Path) -> Mapping[str, Tensor]:
    return load_file(path)


def _understood(path: Path, act: Callable[[], Any]) -> Any:
    """What the file's own sizes lead to. Files may hold anything, so every way of failing is put into words."""
    import spandrel

    try:
        return act()
    except spandrel.UnsupportedModelError:
        raise ModelBroken(
            f"{path.name} must hold a network of a kind that spandrel knows (ESRGAN, Compact, SwinIR, HAT, DAT, SPAN "
            "and others); its tensors have the names of none. Choose another file."
        ) from None
    except Exception as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ModelBroken(
            f"{path.name} looks like a network that spandrel knows, but does not fit it: {reason}. Get the file anew."
        ) from error


def _unfit(found: Any) -> str:
    """Why a network that is understood is of no use here, after the file's name; empty when it is."""
    import spandrel

    what = f"({found.architecture.name})"
    if not isinstance(found, spandrel.ImageModelDescriptor) or found.purpose == "FaceSR":
        return f"must enlarge whole pictures; it is for {found.purpose} {what}. Choose another file."
    if found.scale not in SCALES:
        return f"must enlarge {SCALES[0]} to {SCALES[-1]} times; it does {found.scale} {what}. Choose another file."
    if (found.input_channels, found.output_channels) != (3, 3):
        channels = f"{found.input_channels} to {found.output_channels}"
        return f"must take and give 3 channels, red, green and blue; it has {channels} {what}. Choose another file."
    return ""


@torch.inference_mode()
def _try_out(network: Network) -> None:
    """A small picture through it, so that what cannot run is known before an artist's picture is read."""
    side = 16
    small = torch.full((1, 3, side, side), 0.5, device=network.device, dtype=network.dtype)
    large = network.ask(small)
    if tuple(large.shape) != (1, 3, side * network.scale, side * network.scale):
        raise ValueError(f"{side}x{side} pixels became {tuple(large.shape)}")
    if not bool(torch.isfinite(large).all()):
        raise ValueError("it gives numbers that are not finite")
