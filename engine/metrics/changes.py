"""What a measure says without and with a LoRA, the difference, and a sentence about it."""

import math
from dataclasses import dataclass, replace

from torch import Tensor

from engine.metrics.bootstrap import CONFIDENCE, Figure, percentile_interval


@dataclass(frozen=True)
class Change:
    """One measure of two sets of drawn pictures.

    Attributes:
        base: of pictures drawn without the LoRA.
        tuned: of pictures drawn with it, from the same seeds.
        difference: base less tuned; above 0 means that the number fell.
        verdict: the difference in words, with what to keep in mind about it.
        base_values, tuned_values: of each picture, where the measure has such.
    """

    base: Figure
    tuned: Figure
    difference: Figure
    verdict: str
    base_values: tuple[float, ...] = ()
    tuned_values: tuple[float, ...] = ()


def change(
    measure: Figure,
    values: tuple[float, float],
    resampled: tuple[Tensor, Tensor],
    counted: str,
    confidence: float = CONFIDENCE,
    outside: str = "",
) -> Change:
    """Put a measure's numbers together.

    Args:
        measure: everything but the numbers.
        values: without and with the LoRA.
        resampled: (B,) each; resample k of both drew the same rows.
        counted: the pictures it rests on, such as "8 held-out pictures".
        outside: a note for an interval of `base` or `tuned` that does not hold its value.
    """
    base, tuned = (
        _figure(measure, value, numbers, confidence, outside) for value, numbers in zip(values, resampled, strict=True)
    )
    difference = _figure(measure, values[0] - values[1], resampled[0] - resampled[1], confidence)
    words = f"{verdict(difference, counted, confidence)} {measure.note}".rstrip()
    return Change(base, tuned, difference, words)


def verdict(difference: Figure, counted: str, confidence: float = CONFIDENCE) -> str:
    """A sentence about base less tuned: it fell, it rose, or neither can be said.

    Only an interval without 0 that holds its value tells a change.
    """
    value, low, high = difference.value, difference.low, difference.high
    share = f"{100 * confidence:g} % interval"
    if not low <= value <= high or low <= 0 <= high:
        return (
            f"The {difference.name} cannot be told from no change on {counted} "
            f"(without minus with the LoRA: {value:.3g}, {share} {low:.3g} to {high:.3g})."
        )
    fell = low > 0
    low, high = (low, high) if fell else (-high, -low)
    better = fell == difference.lower_is_better
    return (
        f"The {difference.name} {'fell' if fell else 'rose'} by {abs(value):.3g} ({share} {low:.3g} to {high:.3g}) "
        f"on {counted}: {'better' if better else 'worse'} with the LoRA."
    )


def _figure(measure: Figure, value: float, resampled: Tensor, confidence: float, outside: str = "") -> Figure:
    low, high = percentile_interval(resampled, confidence)
    strange = outside if not (low <= value <= high or math.isnan(low)) else ""
    note = " ".join(part for part in (measure.note, strange) if part)
    return replace(measure, value=value, low=low, high=high, note=note)
