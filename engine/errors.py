"""The errors an artist can meet, each with a text that is shown as it is.

StudioError
├── InvalidRequest      values out of range; carries every problem with its field
├── InvalidSetting      an environment variable with a wrong value
├── NotFound            no job, model or LoRA of that name
├── ModelUnavailable    known, but its weights are not on this machine
├── ModelBroken         its files cannot be read as Stable Diffusion
├── ShelfRefused        a style or preset that cannot be kept, or their file that cannot be read
├── TemplateRefused     words with {a|b} or __wildcards__ that cannot be drawn
├── LoraRefused         made for another base, or applies to nothing
├── EmbeddingRefused    cannot be used with this model, or at all
├── UnsafeFile          a file that the safe-loading gates turn away
├── Offline             the model hub cannot be reached
├── PhotoRefused        an uploaded file that is no usable photo
├── ImageFailed         the model gave no usable pixels
├── ImageShapeError     a picture of a size that a network cannot take
├── OutOfMemory         the device has too little memory for this request
├── StudioBusy          the queue is full, or a studio is at work where nobody may be
├── Cancelled           the artist stopped the job (control flow)
└── LeaseLost           another worker owns the job now (control flow)

Each message says the rule, the actual value and what it means, and what to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass


class StudioError(Exception):
    """Base of all errors whose text is meant for people."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong value: the request's field it belongs to, and a full sentence about it."""

    field: str
    message: str


class InvalidRequest(StudioError):
    """A request that breaks one or more rules; `problems` holds all of them."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.message for problem in self.problems))


class InvalidSetting(StudioError):
    """A setting of the studio that cannot be used."""


class NotFound(StudioError):
    """Nothing of that kind has that name or id."""


class ModelUnavailable(StudioError):
    """A known model whose weights are not on this machine."""


class ModelBroken(StudioError):
    """A model whose files cannot be read as Stable Diffusion."""


class LoraRefused(StudioError):
    """A LoRA made for another base model, or one that matches no layer."""


class EmbeddingRefused(StudioError):
    """An embedding (textual inversion) for another text encoder, or a damaged one."""


class ShelfRefused(StudioError):
    """A style or preset that cannot be kept, or their file that cannot be read."""


class TemplateRefused(StudioError):
    """Words with {a|b} or __wildcards__ from which nothing can be drawn."""


class UnsafeFile(StudioError):
    """A weights file outside the limits of the safe-loading gates."""


class Offline(StudioError):
    """The model hub cannot be reached."""


class PhotoRefused(StudioError):
    """A file that is no photo, or none that can be used."""


class ImageFailed(StudioError):
    """The model produced no usable pixels, also in the safer precision."""


class ImageShapeError(StudioError):
    """A picture of a size that a network cannot take."""


class OutOfMemory(StudioError):
    """The device has too little memory for this request."""


class StudioBusy(StudioError):
    """The queue holds as many jobs as it may, or a studio is at work where nobody may be."""


class Cancelled(StudioError):
    """The artist stopped the job."""


class LeaseLost(StudioError):
    """This worker no longer owns the job; its results must not be recorded."""
