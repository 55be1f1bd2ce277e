"""Columns that can always be read: a value that is not what it should be reads as a neutral one.

SQLite keeps any value in any column, and a failing disk changes some. One such value must not stop a whole list; what
cannot be read is said where it is shown, and `Gallery.rebuild` reads it again from the picture's file.
"""

import json
import math
from typing import Any

from sqlalchemy import BigInteger, Dialect, Float, Integer, String, Text, TypeDecorator

LAST_MOMENT = 253_000_000_000.0  # unix seconds; later ones are past the year 9987 and no calendar takes them


class Words(TypeDecorator[str]):
    """Text; `neutral` for anything else."""

    impl = Text
    cache_ok = True

    def __init__(self, length: int | None = None, neutral: str | None = ""):
        self._length = length
        self.neutral = neutral
        super().__init__()

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Text, or a string of some length."""
        return String(self._length) if self._length else Text()  # `type_descriptor` makes VARCHAR of TEXT

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """What is read."""
        return value if isinstance(value, str) else self.neutral


class Whole(TypeDecorator[int]):
    """A whole number from `least` to `most`, None where there is no end; `neutral` for anything else."""

    impl = Integer
    cache_ok = True

    def __init__(self, big: bool = False, least: int | None = 0, neutral: int | None = 0, most: int | None = None):
        self._big = big
        self.least = least
        self.most = most
        self.neutral = neutral
        super().__init__()

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Of 32 or 64 bits."""
        return dialect.type_descriptor(BigInteger() if self._big else Integer())

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """What is read."""
        fine = isinstance(value, int) and (self.least is None or value >= self.least)
        return value if fine and (self.most is None or value <= self.most) else self.neutral


class Real(TypeDecorator[float]):
    """A finite number of seconds from 0 on, also a moment; `neutral` for anything else."""

    impl = Float
    cache_ok = True

    def __init__(self, neutral: float | None = 0.0):
        self.neutral = neutral
        super().__init__()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """What is read."""
        fine = isinstance(value, (int, float)) and math.isfinite(value) and 0 <= value < LAST_MOMENT
        return value if fine else self.neutral


def json_text(value: object) -> str:
    """How JSON is written into a column."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def json_value(text: Any) -> Any:
    """The value of a column of JSON; None where it cannot be read."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None


def any_text(data: bytes) -> str:
    """Text as SQLite kept it; what is no UTF-8 becomes U+FFFD."""
    return data.decode("utf-8", "replace")
