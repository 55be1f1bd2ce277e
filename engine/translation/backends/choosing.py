"""Having OpenVINO compute a translator."""

from collections.abc import Callable

from torch import nn

from engine.computing.names import NOT_INSTALLED, NOT_ON_A_GPU, CannotCompute, openvino_version, why_unfit
from engine.device import Device
from engine.settings import Settings
from engine.translation.backends.names import FILES, NOT_A_GENERATOR, is_convertible, place_of
from engine.translation.backends.seam import QuickGenerator
from engine.translation.catalogue import Translator

Say = Callable[[str], None]


class Quick:
    """Of one worker."""

    def __init__(self, settings: Settings, device: Device):
        self._settings = settings
        self._device = device

    def of(self, info: Translator, model: nn.Module | None, say: Say = lambda words: None) -> QuickGenerator:
        """A generator that OpenVINO computes, which is converted first where that was not done yet.

        Args:
            say: told in words when it has to be converted first.

        Raises:
            CannotCompute: OpenVINO is not here, or cannot compute it.
        """
        if not openvino_version() or self._device.is_cuda:
            raise CannotCompute(NOT_ON_A_GPU if self._device.is_cuda else NOT_INSTALLED)
        if model is None or not is_convertible(info):
            raise CannotCompute(NOT_A_GENERATOR)
        try:
            return self._compiled(info, model, say)
        except ImportError as error:
            raise CannotCompute(f"it is installed but does not start ({error}).") from error

    def _compiled(self, info: Translator, model: nn.Module, say: Say) -> QuickGenerator:
        from engine.computing.graphs import explaining  # optional, and not light
        from engine.computing.keeping import sweep
        from engine.translation.backends.graphs import Compiled, convert

        place = place_of(self._settings.home, info)
        unfit = why_unfit(place, FILES)
        if unfit:
            raise CannotCompute(unfit)
        if unfit is None:
            say(f"Making {info.title} ready for OpenVINO, once")
            sweep(self._settings.home)
            convert(model, info, place)
        with explaining():
            return Compiled(model, place)
