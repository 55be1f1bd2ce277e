"""What can be varied in a grid, how its values are typed, and what a value makes of a drawing. No torch."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import InvalidRequest, Problem

MOST_VALUES = 200
_RANGE = re.compile(r"\s*(-?[\d.]+)\s*-\s*(-?[\d.]+)\s*(?:\(\s*([+-]?[\d.]+)\s*\)|\[\s*(\d+)\s*\])?\s*")
NO_LORA = "none"

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that is varied.

    Attributes:
        name: one of `AXES`.
        values: as typed; of `prompt` the first is the words that are replaced by each, itself included.
    """

    name: str
    values: tuple[str, ...]

    def problems(self) -> list[Problem]:
        """What speaks against it alone."""
        if self.name not in AXES:
            return [Problem("axes", f"A grid varies {', '.join(AXES)}; got {self.name!r}.")]
        if not self.values:
            return [Problem("axes", f"{self.label} needs at least one value, such as {AXES[self.name].example}.")]
        if twice := sorted({value for value in self.values if self.values.count(value) > 1}):
            return [Problem("axes", f"{self.label} must have each value once; got {twice[0][:60]!r} more than once.")]
        wrong = [value for value in self.values if not AXES[self.name].reads(value)]
        if wrong:
            return [Problem("axes", self._unreadable(wrong[0]))]
        return []

    def _unreadable(self, value: str) -> str:
        kind = "whole numbers" if AXES[self.name].read is int else "numbers"
        if _RANGE.fullmatch(value):
            return f"{self.label}: {value[:60]!r} is no range of 1 to {MOST_VALUES} {kind}."
        return f"{self.label} takes {kind}; got {value[:60]!r}."

    @property
    def label(self) -> str:
        """For people."""
        return AXES[self.name].label if self.name in AXES else self.name

    def caption(self, value: str) -> str:
        """What stands beside the pictures of one value."""
        return value if self.name == "prompt" else f"{self.label} {value}"

    def put(self, value: str, into: Values) -> None:
        """Change the values of a drawing."""
        what = AXES[self.name]
        what.put(into, what.read(value), self)


@dataclass(frozen=True, slots=True)
class _What:
    """Something that can be varied.

    Attributes:
        label: for people.
        example: of values as they are typed.
        read: a value of its text; ValueError where it is none.
        put: changes the values of a drawing.
    """

    label: str
    example: str
    read: Callable[[str], Any]
    put: Callable[[Values, Any, Axis], None]

    def reads(self, value: str) -> bool:
        """Whether the text is a value."""
        try:
            self.read(value)
        except ValueError:
            return False
        return True


def _field(name: str) -> Callable[[Values, Any, Axis], None]:
    def put(into: Values, value: Any, axis: Axis) -> None:
        into[name] = value

    return put


def _replace_words(into: Values, words: str, axis: Axis) -> None:
    for name in ("prompt", "negative_prompt"):
        into[name] = into[name].replace(axis.values[0], words)


def _add_lora(into: Values, name: str, axis: Axis) -> None:
    if name != NO_LORA:
        kept = [lora for lora in into["loras"] if lora["name"] != name]
        into["loras"] = [*kept, {"name": name, "weight": 1.0}]


def _weigh_loras(into: Values, weight: float, axis: Axis) -> None:
    into["loras"] = [{**lora, "weight": weight} for lora in into["loras"]]


# In the order in which they are put in: a weight after the LoRA that it is of.
AXES: Mapping[str, _What] = {
    "model": _What("Model", "mini, sd21", str, _field("model")),
    "prompt": _What("Prompt words", "castle, ship, tower", str, _replace_words),
    "seed": _What("Seed", "1-4", int, _field("seed")),
    "steps": _What("Steps", "10, 25, 50", int, _field("num_inference_steps")),
    "guidance": _What("Guidance", "3, 5, 7.5", float, _field("guidance_scale")),
    "sampler": _What("Sampler", "DDIM, UniPC", str, _field("scheduler")),
    "lora": _What("LoRA", f"{NO_LORA}, ink", str, _add_lora),
    "weight": _What("LoRA weight", "0.4, 0.7, 1", float, _weigh_loras),
    "strength": _What("Strength", "0.3, 0.5, 0.7", float, _field("strength")),
}


def axis_from(text: str) -> Axis:
    """An axis as it is typed on a command line: NAME=VALUE,VALUE,...

    Raises:
        InvalidRequest: it is not of that form.
    """
    name, equals, values = text.partition("=")
    if not equals:
        raise InvalidRequest([Problem("axes", f"An axis is NAME=VALUE,VALUE, such as guidance=3,5,7; got {text!r}.")])
    return Axis(name.strip().lower(), values_from(name.strip().lower(), values))


def values_from(name: str, text: str) -> tuple[str, ...]:
    """The values that are typed for an axis: with commas between, in quotation marks where they hold one.

    Numbers may be ranges as AUTOMATIC1111 writes them: `1-5`, `1-5 (+2)` or `0-1 [5]` (so many between both ends).
    """
    try:
        cells = next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error:  # a line's end in it, or longer than the library reads
        cells = [text]
    values = [cell.strip() for cell in cells if cell.strip()]
    read = AXES[name].read if name in AXES else str
    if read not in (int, float):
        return tuple(values)
    return tuple(each for value in values for each in _expanded(value, read))


def typed(values: Iterable[str]) -> str:
    """Values as `values_from` reads them."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _expanded(value: str, read: Callable[[str], Any]) -> list[str]:
    """The numbers of a range; the value itself where it is none, or one that is refused as it stands."""
    found = _RANGE.fullmatch(value)
    try:
        return _numbers(found, read) if found else [value]
    except (ValueError, ArithmeticError):
        return [value]


def _numbers(found: re.Match[str], read: Callable[[str], Any]) -> list[str]:
    """Raises ValueError or ArithmeticError where it is no range of 1 to `MOST_VALUES` numbers."""
    first, last = read(found[1]), read(found[2])
    if found[4]:
        count = int(found[4])
        spread = [first + (last - first) * index / max(1, count - 1) for index in range(min(count, MOST_VALUES + 1))]
        numbers = [round(number) if read is int else number for number in spread]
    else:
        step = read(found[3]) if found[3] else read("1")
        count = int((last - first) // step if read is int else (last - first) / step + 1e-9) + 1
        numbers = [first + index * step for index in range(min(count, MOST_VALUES + 1))]
    if not 1 <= count <= MOST_VALUES:
        raise ValueError(f"{count} values")
    return [str(number) if read is int else f"{number:.6g}" for number in numbers]
