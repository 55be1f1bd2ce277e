"""The upscaler that ships, computed by OpenVINO: on all cores, where PyTorch leaves one free."""

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from engine.computing.names import CannotCompute
from engine.upscaling.networks import Compact

log = logging.getLogger(__name__)
_TRACED, _COMPARED = (16, 24), (20, 12)  # pixels; any sizes do


class Quick:
    """A compact network as `Network.ask` takes it. Converted in half a second, so nothing is kept on disk.

    Args:
        model: PyTorch's, in single precision on the processor; it does all once OpenVINO has failed.

    Attributes:
        failed: why OpenVINO could not go on; empty as long as it can.

    Raises:
        CannotCompute: OpenVINO cannot compute it.
    """

    def __init__(self, model: Compact):
        self.failed = ""
        self._model = model
        try:
            self._run = self._converted()
        except ImportError as error:
            raise CannotCompute(f"it is installed but does not start ({error}).") from error

    def __call__(self, x: Tensor) -> Tensor:
        """(1, 3, H, W) in [0, 1] to (1, 3, scale H, scale W)."""
        if self.failed:
            return self._model(x)
        from engine.computing.graphs import explaining

        try:
            with explaining():
                return self._run(x)
        except CannotCompute as error:
            self.failed = str(error)
            log.warning("PyTorch goes on, since OpenVINO cannot enlarge: %s", error)
            return self._model(x)

    @torch.no_grad()
    def _converted(self) -> Callable[..., Tensor]:
        from engine.computing.graphs import compiled, converted, explaining, require_same  # optional, and not light

        with explaining():
            run = compiled(converted(self._model, (_noise(_TRACED),)), ((1, 3, -1, -1),))
            require_same("upscaler", run(_noise(_COMPARED)), self._model(_noise(_COMPARED)))
        return run


def _noise(sides: tuple[int, int]) -> Tensor:
    return torch.rand((1, 3, *sides), generator=torch.Generator().manual_seed(0))
