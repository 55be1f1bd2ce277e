"""One picture through an upscaler, in as many passes as its factor needs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engine.errors import InvalidRequest, Problem
from engine.upscaling.catalogue import factor_problem
from engine.upscaling.loading import LoadedUpscaler
from engine.upscaling.tiles import Report, upscaled

PARTS = 1000  # of a picture's work, as it is reported


def enlarged(
    model: LoadedUpscaler,
    picture: np.ndarray,
    factor: int,
    report: Report = lambda done, parts: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> np.ndarray:
    """Make a picture larger.

    Args:
        picture: (H, W, 3) uint8.
        report: called with the parts done and their number, over all passes.

    Returns:
        (factor H, factor W, 3) uint8.

    Raises:
        InvalidRequest: the upscaler cannot do that factor.
        Cancelled: `should_stop` said so between two tiles.
    """
    begin, work = 0.0, _passes(model, factor)
    for each, share in work:

        def told(done: int, tiles: int, begin: float = begin, share: float = share) -> None:
            report(round(PARTS * (begin + share * done / tiles)), PARTS)

        picture = upscaled(model.network, picture, each, report=told, should_stop=should_stop)
        begin += share
    return picture


def _passes(model: LoadedUpscaler, factor: int) -> list[tuple[int, float]]:
    """The factor of each pass and its share of the work: one, or two of a network that does half of it."""
    scale = model.network.scale
    if scale >= factor:
        return [(factor, 1.0)]
    if scale**2 == factor:
        return [(scale, 1 / (1 + factor)), (scale, factor / (1 + factor))]  # the second has that many more pixels
    raise InvalidRequest([Problem("factor", factor_problem(replace(model.info, scale=scale), factor))])
