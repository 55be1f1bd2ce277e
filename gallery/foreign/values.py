"""Values as other tools write them, taken out one by one; what nobody took is what was not understood."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from gallery.recipe import SEEDS

MOST_REST = 200  # values that are not understood and still told
MOST_REST_TEXT = 10_000  # characters of one
_MOST_WHOLE = SEEDS - 1
_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft", ".onnx")
_HEX = re.compile(r"(?:0x|sha256:)?([0-9a-fA-F]{6,128})")


class Fields:
    """One flat mapping of a tool's values.

    Each method takes the value of the first of the keys that is there and can be read, and gives it; a value that
    cannot be read stays, and is then told by `rest`.
    """

    def __init__(self, values: Mapping[str, Any]):
        self._values = {str(key): value for key, value in values.items() if value is not None}

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def peek(self, key: str) -> Any:
        """The value as it is, left where it is; None where there is none."""
        return self._values.get(key)

    def drop(self, *keys: str) -> None:
        """Forget values that say nothing about the picture, or that were read in another way."""
        for key in keys:
            self._values.pop(key, None)

    def text(self, *keys: str) -> str:
        """A text; empty where there is none."""
        return self._first(keys, lambda value: value if isinstance(value, str) else None) or ""

    def whole(self, *keys: str, least: int = 0) -> int | None:
        """A whole number up to 64 bits, such as `7`, `"7"` or `7.0`."""
        return self._first(keys, lambda value: whole(value, least))

    def number(self, *keys: str) -> float | None:
        """A finite number."""
        return self._first(keys, number)

    def mapping(self, *keys: str) -> dict[str, Any]:
        """A JSON object; empty where there is none."""
        return self._first(keys, lambda value: value if isinstance(value, dict) else None) or {}

    def items(self, *keys: str) -> list[Any]:
        """A JSON list; empty where there is none."""
        return self._first(keys, lambda value: value if isinstance(value, list) else None) or []

    def rest(self) -> dict[str, str]:
        """What nobody took, as text; empty values say nothing and are left out."""
        told = {key[:200]: as_text(value) for key, value in self._values.items() if value not in ("", [], {})}
        return dict(list(told.items())[:MOST_REST])

    def _first(self, keys: tuple[str, ...], read: Any) -> Any:
        for key in keys:
            found = read(self._values.get(key))
            if found is not None:
                del self._values[key]
                return found
        return None


def whole(value: Any, least: int = 0) -> int | None:
    """A whole number from `least` to 64 bits; None where the value is none."""
    if isinstance(value, str) and len(value) <= 40:
        text = value.strip()
        value = int(text) if re.fullmatch(r"[+-]?[0-9]{1,25}", text) else number(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not value.is_integer():  # also NaN and the infinities
        return None
    return int(value) if least <= value <= _MOST_WHOLE else None


def number(value: Any) -> float | None:
    """A finite float; None where the value is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and not re.fullmatch(r"\s*[+-]?[0-9.]{1,40}(?:[eE][+-]?[0-9]{1,3})?\s*", value):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def bare_name(name: str) -> str:
    """A model's name without folder and suffix."""
    last = name.strip().replace("\\", "/").rstrip("/").rpartition("/")[2]
    for suffix in _SUFFIXES:
        if last.lower().endswith(suffix):
            return last[: -len(suffix)]
    return last


def hash_digits(text: Any) -> str:
    """The hexadecimal digits of a hash in lower case; empty where it is none, or not of the SHA-256 family."""
    found = _HEX.fullmatch(text.strip()) if isinstance(text, str) else None
    return found[1].lower() if found else ""


def as_text(value: Any) -> str:
    """Any JSON value as text, cut where it is very long."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""
    return text if len(text) <= MOST_REST_TEXT else text[:MOST_REST_TEXT] + "…"


def json_object(text: str) -> dict[str, Any]:
    """The JSON object in a text; empty where it is none."""
    text = text.strip().strip("\0").strip()
    if text[:1] not in ("{", '"'):
        return {}
    try:
        found = json.loads(text)
        if isinstance(found, str):  # some tools write the JSON of a text that is JSON
            found = json.loads(found)
    except (ValueError, RecursionError):  # also numbers of thousands of digits, and what is nested too deeply
        return {}
    return found if isinstance(found, dict) else {}


def repaired(text: str) -> str:
    """UTF-8 that was taken for Latin-1 put right; any other text as it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
