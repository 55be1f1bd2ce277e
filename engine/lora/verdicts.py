"""What an evaluation's figures mean for an artist, also those of earlier reports; no torch is loaded."""

from collections.abc import Mapping
from typing import Any

QUESTION = "Closer to your pictures than without the LoRA"


def gain(change: Mapping[str, Any]) -> dict[str, Any]:
    """A measure's difference as value, low and high, with better above 0 whatever the measure.

    Args:
        change: one of a report's `changes`; texts stand for numbers that JSON does not know.
    """
    difference = change["difference"]
    numbers = {name: difference[name] for name in ("value", "low", "high")}
    if change["base"]["lower_is_better"] or any(isinstance(number, str) for number in numbers.values()):
        return numbers
    return {"value": -numbers["value"], "low": -numbers["high"], "high": -numbers["low"]}


def answer(change: Mapping[str, Any]) -> str:
    """Probably, no, or cannot be told: only an interval without 0 that holds its value tells a change."""
    low, value, high = (gain(change)[name] for name in ("low", "value", "high"))
    if isinstance(low, str) or isinstance(value, str) or isinstance(high, str) or not low <= value <= high:
        return "cannot be told"
    return "probably" if low > 0 else "no, further from them" if high < 0 else "cannot be told"


def headline(report: Mapping[str, Any]) -> str:
    """The answer of the measure to trust most, in a sentence."""
    first = report["changes"][0]
    return f"{QUESTION}: {answer(first)}."
