"""The losses of a LoRA run as curves: smoothed, and thinned to what a page can show. No torch is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.lora.runs.progress import Step

WEIGHT, WINDOW = 0.6, 20  # of TensorBoard's smoothing; steps of the plain mean
MOST_POINTS = 500  # of each curve

Points = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Curves:
    """What a run measured, as (step, value).

    Attributes:
        loss: of every step, as it was trained on.
        smoothed: the same, as TensorBoard smooths it with 0.6.
        average: the mean of the last 20 steps.
        held_out: on the held-out pictures; on a scale of its own.
        rate: the learning rate.
    """

    loss: Points
    smoothed: Points
    average: Points
    held_out: Points
    rate: Points


def curves_of(progress: Sequence[Step]) -> Curves:
    """The curves of what was written so far, each with all of its last values; long ones are thinned evenly."""
    trained = [(line.step, line.loss) for line in progress if line.loss is not None]
    steps, losses = [step for step, _ in trained], [loss for _, loss in trained]
    return Curves(
        loss=thinned(trained),
        smoothed=thinned(list(zip(steps, smoothed(losses), strict=True))),
        average=thinned(list(zip(steps, running_mean(losses), strict=True))),
        held_out=thinned([(line.step, line.held_out) for line in progress if line.held_out is not None]),
        rate=thinned([(line.step, line.lr) for line in progress if line.loss is not None]),
    )


def smoothed(values: Sequence[float], weight: float = WEIGHT) -> list[float]:
    """Exponentially, without the pull to 0 at the beginning: as TensorBoard's slider does it."""
    found, last, known = [], 0.0, 0.0
    for value in values:
        last, known = weight * last + (1 - weight) * value, weight * known + (1 - weight)
        found.append(last / known)
    return found


def running_mean(values: Sequence[float], window: int = WINDOW) -> list[float]:
    """The mean of each value and those before it, `window` in all at most."""
    found, total = [], 0.0
    for place, value in enumerate(values):
        total += value - (values[place - window] if place >= window else 0.0)
        found.append(total / min(place + 1, window))
    return found


def thinned(points: Points, most: int = MOST_POINTS) -> Points:
    """Every so many of them, the last one always."""
    every = -(-len(points) // most) if points else 1
    return points[(len(points) - 1) % every :: every]
