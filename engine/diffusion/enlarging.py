"""A drawn picture made larger within the same job. What does that is handed in: upscalers are another feature's."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from engine.diffusion.text_to_image import GeneratedImage, ShouldStop
from engine.errors import ModelUnavailable


@dataclass(frozen=True)
class Enlarger:
    """What makes pictures larger, ready to do it.

    Attributes:
        facts: asked after the work, what a recipe says of it, under `model`: JSON-ready.
        enlarge: a picture, how many times as large, and what says whether to stop; gives the larger picture.
    """

    facts: Callable[[], Mapping[str, Any]]
    enlarge: Callable[[Image.Image, int, ShouldStop], Image.Image]

    def of(self, drawn: GeneratedImage, times: int, should_stop: ShouldStop) -> GeneratedImage:
        """The drawn picture made that many times as large. Raises Cancelled as `should_stop` says."""
        started = time.perf_counter()
        large = self.enlarge(drawn.image, times, should_stop)
        return replace(drawn, image=large, seconds=drawn.seconds + time.perf_counter() - started)


LoadEnlarger = Callable[[str | None], Enlarger]  # of the backend that a request names


def none_here(backend: str | None = None) -> Enlarger:
    """Where no upscaler works beside the drawing. Raises ModelUnavailable."""
    raise ModelUnavailable("Nothing here makes pictures larger. Draw it as large as the model draws: times as large 1.")


def with_enlarger(facts: dict[str, Any], enlarger: Enlarger | None) -> dict[str, Any]:
    """The facts of a recipe, with what enlarged the picture where anything did."""
    if enlarger is None:
        return facts
    return facts | {"model": facts["model"] | {"enlarged_by": dict(enlarger.facts())}}
