"""A run's numbers as a file that pages read while it is written: a JSON line each time numbers are told. No torch."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.files import replacing

FILE = "curves.jsonl"
Curves = dict[str, list[tuple[int, float]]]


def write_numbers(folder: Path, step: int, values: Mapping[str, float]) -> None:
    """Add numbers after so many steps; what is no finite number is left out."""
    known = {name: float(value) for name, value in values.items() if math.isfinite(value)}
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, **known}) + "\n")


def keep_until(folder: Path, step: int) -> None:
    """Cut what later steps told, and a last line that was cut off, before a run goes on after that step."""
    lines = _lines(folder)
    if lines or (folder / FILE).exists():
        with replacing(folder / FILE) as file:
            file.writelines((json.dumps(line) + "\n").encode() for line in lines if line["step"] <= step)


def read_curves(folder: Path) -> Curves:
    """Each number's (step, value), in the order of the steps; empty where nothing was told yet."""
    found: dict[str, dict[int, float]] = {}
    for line in _lines(folder):
        for name, value in line.items():
            if name != "step":
                found.setdefault(name, {})[line["step"]] = value
    return {name: sorted(points.items()) for name, points in found.items()}


def _lines(folder: Path) -> list[dict[str, Any]]:
    try:
        text = (folder / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in map(_line, text.splitlines()) if line]


def _line(text: str) -> dict[str, Any] | None:
    """None for a line that is not whole."""
    try:
        values = json.loads(text)
    except ValueError:
        return None
    if not isinstance(values, dict) or not isinstance(values.get("step"), int):
        return None
    return {name: value for name, value in values.items() if isinstance(value, (int, float))}
