"""The seam under the pipeline: what computes the UNet and the decoder of a drawing."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import torch

from engine.computing.names import TITLES, CannotCompute
from engine.diffusion.loading import LoadedModel
from engine.diffusion.lora import Worn
from engine.diffusion.request import TextToImage
from engine.settings import TORCH

log = logging.getLogger(__name__)


class Backend(Protocol):
    """Something that computes a model's networks."""

    name: str

    def engaged(self, model: LoadedModel, request: TextToImage, worn: Worn) -> AbstractContextManager[None]:
        """Inside the `with` block the model's pipeline computes this way.

        Raises:
            CannotCompute: before anything is drawn, or where a network is asked inside the block.
        """
        ...


class Torch:
    """The reference: the pipeline as it is."""

    name = TORCH

    def engaged(self, model: LoadedModel, request: TextToImage, worn: Worn) -> AbstractContextManager[None]:
        """Nothing has to be done."""
        return nullcontext()


def is_float32_on_cpu(model: LoadedModel) -> bool:
    """Whether a model is where, and in the format in which, OpenVINO can compute in its place."""
    return not model.device.is_cuda and model.dtype == torch.float32


@dataclass
class Engaged:
    """What computes now: the backend that was chosen, or PyTorch once that could not.

    Attributes:
        name: of the one that computes.
        notes: why it is not the one that was chosen.
    """

    name: str
    notes: tuple[str, ...] = ()
    _leave: AbstractContextManager[None] = field(default_factory=nullcontext, repr=False)

    def give_up(self, why: object) -> None:
        """Go on with PyTorch."""
        self.notes = (f"PyTorch drew this, because {TITLES[self.name]} could not: {why}",)
        log.warning(self.notes[0])
        self._leave.__exit__(None, None, None)
        self.name, self._leave = TORCH, nullcontext()


@contextmanager
def engaged(backend: Backend, model: LoadedModel, request: TextToImage, worn: Worn) -> Iterator[Engaged]:
    """Have a backend compute inside the `with` block; PyTorch does where it cannot."""
    now = Engaged(backend.name)
    try:
        entered = backend.engaged(model, request, worn)
        entered.__enter__()
        now._leave = entered
    except CannotCompute as error:
        now.give_up(error)
    try:
        yield now
    finally:
        now._leave.__exit__(None, None, None)
