"""What licences say about use: which are known, whether work made with them may be sold, and where their text is.

Names come as model cards, LoRAs and the studio's own lists write them; what is not known says so.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine.settings import PROJECT

LICENCES = PROJECT / "weights" / "licences"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence of weights.

    Attributes:
        id: its short name, SPDX's where it has one.
        name: in full, or as it was written where it is not known.
        commercial_use: whether what is made with the weights may be sold; None where that is not known.
        sentence: what that means, for people.
        text: the file with its text, where it ships; such a licence is accepted before weights are downloaded.
        restricted: whether it forbids some uses, to everyone who is given the weights or what is trained on them.
    """

    id: str
    name: str
    commercial_use: bool | None
    sentence: str
    text: Path | None = None
    restricted: bool = False


_FREE = "Commercial use is allowed."
_NAMED = "Commercial use is allowed; its author must be named."
_RAIL = "Commercial use is allowed within its use restrictions, which go on to whatever is trained on it."
_UNKNOWN = "Whether commercial use is allowed is not known. Ask its author before you sell anything."
_NONE = "Commercial use is not allowed."
RAIL_PLUS_PLUS = Licence(
    "CreativeML-OpenRAIL++-M",
    "CreativeML Open RAIL++-M",
    True,
    _RAIL,
    LICENCES / "CreativeML-Open-RAIL++-M.txt",
    restricted=True,
)
# By what stands in a name, the first that fits.
_KNOWN: tuple[tuple[str, Licence], ...] = (
    (r"\bnc\b|non-?commercial|research[ -]only|academic use", Licence("NC", "", False, _NONE)),
    (r"open ?rail\+\+", RAIL_PLUS_PLUS),
    (
        r"creativeml[ -]open ?rail-m",
        Licence("CreativeML-OpenRAIL-M", "CreativeML Open RAIL-M", True, _RAIL, restricted=True),
    ),
    (r"open ?rail", Licence("OpenRAIL", "OpenRAIL", True, _RAIL, restricted=True)),
    (r"\bmit\b", Licence("MIT", "MIT", True, _FREE)),
    (r"\bapache[ -]?(license )?(version )?2", Licence("Apache-2.0", "Apache 2.0", True, _FREE)),
    (r"\bbsd\b", Licence("BSD", "", True, _FREE)),
    (r"\bisc\b|\bunlicense\b", Licence("ISC", "", True, _FREE)),
    (r"\bcc0\b|public[ -]domain", Licence("CC0-1.0", "", True, _FREE)),
    (r"\bcc[ -]by\b", Licence("CC-BY", "", True, _NAMED)),
)


def known(written: str, non_commercial: bool = False) -> Licence:
    """The licence of that name; one that says so where it is not known.

    Args:
        written: as a model card or LoRA names it, or in words that name it.
        non_commercial: whether it is known from elsewhere that commercial use is not allowed.
    """
    text = " ".join(written.split())[:200]
    if non_commercial:
        return Licence("NC", text or "Not for commercial use", False, _NONE)
    for pattern, licence in _KNOWN:
        if re.search(pattern, text, re.IGNORECASE):
            return licence if licence.name else _named(licence, text)
    return Licence(UNKNOWN, text if text and text != UNKNOWN else "Licence unknown", None, _UNKNOWN)


def _named(licence: Licence, text: str) -> Licence:
    return Licence(licence.id, text, licence.commercial_use, licence.sentence)


@lru_cache(maxsize=4)
def text_of(licence: Licence) -> str:
    """The text that ships; empty where none does. Raises OSError where the file is gone."""
    return licence.text.read_text(encoding="utf-8") if licence.text else ""


def restrictions_of(licence: Licence) -> list[str]:
    """The uses that a shipped text forbids, in its own words, one each."""
    _, _, attachment = text_of(licence).partition("\nUse Restrictions\n")
    return [line.removeprefix("- ").rstrip(";.") for line in attachment.splitlines() if line.startswith("- ")]
