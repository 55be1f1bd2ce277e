r"""The grammar of templates, as dynamicprompts for AUTOMATIC1111 has it, read in one pass.

    {red|blue} flower            one of them
    {3::red|1::blue} flower      red three times as often
    {2$$a|b|c}                   two of them, joined by ", "
    {1-2$$ and $$a|b}            one or two, joined by " and "
    __colour__, __sky/night__    a line of `wildcards/colour.txt`, of `wildcards/sky/night.txt`

They may stand in each other, and in the lines of wildcards. `\{`, `\}` and `\__` are the signs themselves, as is `\|`
between braces; every other backslash stays.
"""

import re
from dataclasses import dataclass, field

from engine.errors import TemplateRefused

MOST_NESTED = 12  # braces in braces
MOST_OF = 100  # lines of a wildcard in one text; where it has fewer, all
COMMA = ", "

_TOKEN = re.compile(r"\\(?P<escaped>[{}|]|__)|(?P<sign>\$\{|[{}|])|__(?![\s_])(?P<name>[^{}|$\n\\]{1,100}?)(?<!\s)__")
_MARKS = re.compile(r"[{}]|__")  # what `literal` escapes
_QUANTITY = re.compile(
    r"\s*(?P<low>\d{1,3})?(?:(?P<to>-)(?P<high>\d{1,3})?)?\$\$(?:(?P<separator>[^{}$\n]{0,40})\$\$)?"
)
_WEIGHT = re.compile(r"\s*(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})::")


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A line of a file, by the file's name."""

    name: str


@dataclass(frozen=True, slots=True)
class Option:
    """One of several, and how often it is taken beside the others."""

    parts: "Parts"
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """`low` to `high` of the options, none twice."""

    options: tuple[Option, ...]
    low: int = 1
    high: int = 1
    separator: str = COMMA


Parts = tuple[str | Wildcard | Choice, ...]


def is_template(text: str) -> bool:
    """Whether a text has any sign of the grammar in it, also a wrong or an escaped one."""
    return any(match["sign"] != "|" for match in _TOKEN.finditer(text))


def literal(text: str) -> str:
    """The template that gives exactly this text; where that can be, the text itself."""
    return _MARKS.sub(r"\\\g<0>", text) if is_template(text) else text


def parse(text: str) -> Parts:
    """Read a template, in linear time.

    Raises:
        TemplateRefused: it breaks the grammar; the text says where.
    """
    frames = [_Frame()]
    place = 0
    while match := _TOKEN.search(text, place):
        frames[-1].add(text[place : match.start()])
        place = match.end()
        if match["name"]:
            frames[-1].add(Wildcard(match["name"]))
        elif match["escaped"]:
            frames[-1].add(match["escaped"] if match["escaped"] != "|" or len(frames) > 1 else match[0])
        else:
            place = _sign(frames, text, match)
    frames[-1].add(text[place:])
    if len(frames) > 1:
        raise TemplateRefused(f"Each {{ needs its }}; the {_spot(text, frames[-1].start)} has none. {_ESCAPE}")
    return tuple(frames[0].parts)


def parse_option(text: str) -> Option:
    """One line of a wildcard: as an option between braces, its weight before it. Raises as `parse`."""
    match = _WEIGHT.match(text)
    return Option(parse(text[match.end() :]), float(match[1])) if match else Option(parse(text))


_ESCAPE = r"For the sign itself write \{ or \}."


@dataclass
class _Frame:
    """What stands between two braces so far; the outermost is the whole text."""

    start: int = 0
    quantity: re.Match[str] | None = None
    weight: float = 1.0
    parts: list[str | Wildcard | Choice] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)

    def add(self, part: str | Wildcard | Choice) -> None:
        if part:
            self.parts.append(part)

    def end_option(self) -> None:
        self.options.append(Option(tuple(self.parts), self.weight))
        self.parts = []

    def begin_option(self, text: str, place: int) -> int:
        """Read its weight; returns where its words begin."""
        match = _WEIGHT.match(text, place)
        self.weight = float(match[1]) if match else 1.0
        return match.end() if match else place


def _sign(frames: list[_Frame], text: str, match: re.Match[str]) -> int:
    """What a brace or a bar does; returns where the text goes on."""
    sign, place = match["sign"], match.end()
    if sign == "${":
        spot = _spot(text, match.start(), "$")
        raise TemplateRefused(f"Variables, ${{name=...}}, are not known here; the {spot} begins one. {_ESCAPE}")
    if sign == "{":
        return _open(frames, text, match.start())
    if len(frames) == 1:
        if sign == "}":
            raise TemplateRefused(f"Each }} needs its {{; the {_spot(text, match.start())} has none. {_ESCAPE}")
        frames[-1].add(sign)
        return place
    frames[-1].end_option()
    if sign == "|":
        return frames[-1].begin_option(text, place)
    done = frames.pop()
    frames[-1].add(_choice(done, text))
    return place


def _open(frames: list[_Frame], text: str, start: int) -> int:
    if len(frames) > MOST_NESTED:
        spot = _spot(text, start)
        raise TemplateRefused(f"Braces may stand {MOST_NESTED} deep in each other; the {spot} is deeper. {_ESCAPE}")
    quantity = _QUANTITY.match(text, start + 1)
    frame = _Frame(start, quantity)
    frames.append(frame)
    return frame.begin_option(text, quantity.end() if quantity else start + 1)


def _choice(frame: _Frame, text: str) -> Choice:
    options, spot = tuple(frame.options), _spot(text, frame.start)
    if len(options) == 1 and not options[0].parts:
        raise TemplateRefused(f"Braces need something between them, such as {{red|blue}}; the {spot} has nothing.")
    if not any(option.weight for option in options):
        raise TemplateRefused(f"One of the weights must be more than 0; after the {spot} all are 0.")
    if not frame.quantity:
        return Choice(options)
    lone = len(options) == 1 and len(options[0].parts) == 1 and isinstance(options[0].parts[0], Wildcard)
    low, high = _range(frame.quantity, MOST_OF if lone else len(options), spot)
    separator = frame.quantity["separator"]
    return Choice(options, low, high, COMMA if separator is None else separator)


def _range(match: re.Match[str], count: int, spot: str) -> tuple[int, int]:
    """How many of `count`."""
    if match["to"]:
        low, high = int(match["low"] or 1), int(match["high"] or count)
    else:
        low = high = int(match["low"] or 0)
    if not 0 <= low <= high <= count or not high:
        raise TemplateRefused(
            f"Before $$ stands how many of them, such as 2 or 1-3; after the {spot} stands {match[0].strip()!r}, and "
            f"there {'is' if count == 1 else 'are'} {count}."
        )
    return low, high


def _spot(text: str, start: int, sign: str = "") -> str:
    around = " ".join(text[start : start + 20].split())
    return f"{sign or text[start]} at character {start + 1:,} ({around!r})"
