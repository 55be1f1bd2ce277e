"""What was found in a data set, in words for its artist."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.rules import counted

__all__ = ["NAMED", "REDUCED", "Finding", "Severity", "counted", "named"]

NAMED = 5  # files that a sentence names; the rest is counted
REDUCED = "of 16 bits; it is reduced to 8"
"""What is said of such a picture wherever something is trained on it."""


class Severity(StrEnum):
    """How much a finding matters."""

    BLOCKS = "blocks training"
    LOOK = "worth a look"
    NOTE = "good to know"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a data set.

    Attributes:
        code: what it is, for programs; stays the same when the sentence changes.
        severity: how much it matters.
        message: full sentences: what it is, and what to do.
        files: all files concerned, relative to the data set's folder.
    """

    code: str
    severity: Severity
    message: str
    files: tuple[str, ...] = ()


def named(files: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(files) - NAMED
    return ", ".join(files[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
