"""Which backend draws a request here, and making models ready for it while nobody waits."""

import logging
from collections.abc import Callable
from pathlib import Path

from engine.computing.names import NOT_INSTALLED, NOT_ON_A_GPU, CannotCompute, openvino_version
from engine.diffusion.backends.names import place_of, sources, why_unfit
from engine.diffusion.backends.seam import Backend, Torch
from engine.diffusion.loading import LoadedModel
from engine.diffusion.lora import Worn
from engine.diffusion.request import GUIDANCE_SCALE, TextToImage
from engine.errors import StudioError
from engine.settings import OPENVINO, TORCH, Settings
from engine.weights.hashes import file_sha256

log = logging.getLogger(__name__)

Say = Callable[[str], None]


class Backends:
    """Of one worker."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._tried: set[Path] = set()

    def of(self, request: TextToImage, say: Say = lambda words: None) -> Backend:
        """What is to draw a request; where it cannot, `seam.engaged` goes on with PyTorch.

        Args:
            say: told in words when a model has to be converted first.
        """
        if request.backend == TORCH:
            return Torch()
        if not openvino_version():
            return _Missing()
        try:
            return self._openvino(say)
        except ImportError as error:
            return _Missing(_broken(error))

    def make_ready(self, model: LoadedModel) -> bool:
        """Convert a model and compile it for its own size, if that was not done yet; returns whether something was."""
        if self._settings.backend == TORCH or not openvino_version() or model.device.is_cuda:
            return False
        if model.info.path in self._tried:
            return False
        self._tried.add(model.info.path)
        try:
            with self._openvino(log.info).engaged(model, _likely(model), Worn([])):
                return True
        except (StudioError, OSError, ImportError, MemoryError) as error:
            log.warning("%s is not made ready for OpenVINO: %s", model.info.title, error)
        return False

    def _openvino(self, say: Say) -> Backend:
        from engine.diffusion.backends.compiled import OpenVino  # optional, and not light

        return OpenVino(lambda model: self._place(model, say))

    def _place(self, model: LoadedModel, say: Say) -> Path:
        """The folder of the converted model, made now where it is not there."""
        from engine.computing.keeping import sweep
        from engine.diffusion.backends.converting import convert

        home = self._settings.home
        hashes = [file_sha256(path, home / "hashes.json") for path in sources(model.info)]
        place = place_of(home, model.info, hashes)
        unfit = why_unfit(place)
        if unfit:
            raise CannotCompute(unfit)
        if unfit is None:
            say(f"Making {model.info.title} ready for OpenVINO, once")
            sweep(home)
            convert(model, place)
        return place


class _Missing:
    """OpenVINO where it is not installed, as when a recipe of another machine is run again."""

    name = OPENVINO

    def __init__(self, why: str = NOT_INSTALLED):
        self._why = why

    def engaged(self, model: LoadedModel, request: TextToImage, worn: Worn):
        """Raises CannotCompute."""
        raise CannotCompute(NOT_ON_A_GPU if model.device.is_cuda else self._why)


def _broken(error: ImportError) -> str:
    return f"it is installed but does not start ({error}). Install it again with `pip install --no-deps openvino`."


def _likely(model: LoadedModel) -> TextToImage:
    """What is likely asked of a model next."""
    side = model.info.native_size
    scale = GUIDANCE_SCALE.default
    return TextToImage(prompt="-", width=side, height=side, guidance_scale=scale, model=model.info.name)
