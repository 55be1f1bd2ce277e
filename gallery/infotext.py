"""The "parameters" text that other image tools write into their pictures and read from ours.

    a red dragon <lora:ink:0.8>
    Negative prompt: blurry
    Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 1, Size: 768x768, ...

The format is AUTOMATIC1111's; it has no escape for a prompt line that itself begins with
"Negative prompt:", so the complete truth about a picture is its `studio_recipe`, not this. Where a prompt has words
that a reader would take for its end, they are written with a space that means the same to a text encoder.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from gallery.words import Pairs, Parameters

MAX_READ = 40_000
"""Characters that are parsed; longer text is not a parameters text."""

_NEGATIVE = "Negative prompt:"
_MIN_PAIRS = 3
# A ControlNet or other extension may write its own "Model: ..." later in the line.
_FIRST_WINS = ("Steps", "Sampler", "CFG scale", "Seed", "Size-1", "Size-2", "Model", "Model hash")
_VALUE = re.compile(r'("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_SPACE = re.compile(r"\s*")
_SIZE = re.compile(r"([0-9]{1,9})x([0-9]{1,9})")
_FIRST_STEPS = re.compile(r"Steps: ?[0-9]{1,6}(?:,|$)")  # no prompt begins so, however few pairs follow
_BEGINS_PAIR = re.compile(r" ?[A-Za-z][\w /-]{1,60}:(?: |$)")
_TEMPLATES = ("Template", "Negative Template", "Wildcard prompt", "Wildcard negative prompt")
_LATE_STEPS = re.compile(r"\sSteps: ?[0-9]+,")


# --- writing ------------------------------------------------------------------------------------


def format_parameters(parameters: Parameters, limit: int | None = None) -> str:
    """The text for one picture.

    Args:
        parameters: what its kind of work says.
        limit: UTF-16 units that fit; the optional fields are dropped first, then the ends of
            the prompts.
    """
    prompt, negative = parameters.prompt, parameters.negative_prompt
    text = _join(prompt, negative, (*parameters.core, *parameters.optional))
    if limit is not None and _units(text) > limit:
        text = _join(prompt, negative, parameters.core)
    if limit is not None and _units(text) > limit:
        text = _join(_cut(prompt, limit // 3), _cut(negative, limit // 3), parameters.core)
    return text


def _join(prompt: str, negative: str, pairs: Pairs) -> str:
    line = ", ".join(f"{key}: {_quoted(value)}" for key, value in pairs if value not in (None, ""))
    prompt, negative = _set_apart(prompt), _set_apart(negative)
    # The negative line stands there even when empty: ComfyUI looks for it.
    return f"{prompt}\n{_NEGATIVE} {negative}\n{line}"


def _set_apart(prompt: str) -> str:
    """A1111 ends a prompt at a line "Negative prompt:", sd-parsers 0.6 at these words anywhere, SD Prompt Reader 1.3.5
    at a line "Steps:". With a no-break space between the words, or a space before them, none of the three does.
    """
    return prompt.replace(_NEGATIVE, _NEGATIVE.replace(" ", "\u00a0")).replace("\nSteps:", "\n Steps:")


def _quoted(value: Any) -> str:
    text = number_text(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[,:\n]", text) else text


def number_text(value: Any) -> str:
    """A value as the last line has it: whole numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


def _cut(text: str, units: int) -> str:
    return text.encode("utf-16-be")[: units * 2].decode("utf-16-be", "ignore")


# --- reading ------------------------------------------------------------------------------------


def parse_parameters(text: str) -> dict[str, str]:
    """Read the text that this or another tool wrote into a picture.

    Returns:
        `Prompt` and `Negative prompt` (LoRA tags stay in the prompt), and every key of the last
        line as written; `Size` comes as `Size-1` and `Size-2`. Nothing is filled in.
    """
    lines, parameters = _split_lines(text[:MAX_READ].replace("\r\n", "\n").strip().split("\n"))
    prompt, negative = _prompts(lines)
    found = {"Prompt": prompt, _NEGATIVE[:-1]: negative}
    for key, value in _fields(parameters):
        if key not in found or key not in (*_FIRST_WINS, "Prompt", _NEGATIVE[:-1]):
            found[key] = value
    return found


def _split_lines(lines: list[str]) -> tuple[list[str], str]:
    """The prompt lines and the parameter line, wherever other tools put it."""
    *before, last = lines
    if _FIRST_STEPS.match(last):
        return before, last
    if (begin := _broken(lines)) is not None:
        return lines[:begin], ", ".join(map(_part, lines[begin:]))
    if len(list(_pairs(last))) >= _MIN_PAIRS:
        if steps := _LATE_STEPS.search(last):
            return [*before, last[: steps.start()]], last[steps.start() :].strip()
        return before, last
    for index in range(len(before) - 1, -1, -1):  # a template of several lines may follow
        if lines[index].startswith("Steps:") and len(list(_pairs(lines[index]))) >= _MIN_PAIRS:
            return lines[:index], lines[index]
    return lines, ""


def _broken(lines: list[str]) -> int | None:
    """Where a parameter line begins that was broken into several, or that templates follow; None where there is none.

    People paste it so, with breaks after commas or one pair a line. Each of its lines must be of pairs.
    """
    for index in range(len(lines) - 1, -1, -1):
        if _FIRST_STEPS.match(lines[index]):
            whole = sum(len(list(_pairs(line))) for line in lines[index:]) >= _MIN_PAIRS
            return index if whole else None
        if lines[index].strip() and (not _BEGINS_PAIR.match(lines[index]) or lines[index].startswith(_NEGATIVE)):
            return None
    return None


def _part(line: str) -> str:
    """A line as a part of one line; the text of a template is one value, whatever commas it has."""
    key, _, value = line.strip().partition(":")
    return f"{key}: {json.dumps(value.strip())}" if key in _TEMPLATES and value.strip() else line.strip().rstrip(",")


def _prompts(lines: list[str]) -> tuple[str, str]:
    start = next((i for i, line in enumerate(lines) if line.lstrip().startswith(_NEGATIVE)), len(lines))
    negative = [_after_negative(line) for line in lines[start:]]
    return "\n".join(lines[:start]).strip(), "\n".join(negative).strip()


def _after_negative(line: str) -> str:
    return line.lstrip().removeprefix(_NEGATIVE) if line.lstrip().startswith(_NEGATIVE) else line


def _fields(line: str) -> Iterator[tuple[str, str]]:
    for key, value in _pairs(line):
        if not value:
            continue
        if value[0] == value[-1] == '"':
            value = _unquoted(value)
        if size := _SIZE.fullmatch(value):
            yield f"{key}-1", size[1]
            yield f"{key}-2", size[2]
        else:
            yield key, value


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """Keys and raw values, in one pass from left to right.

    A key is two or more word characters, spaces, hyphens or slashes before a colon. The obvious
    regular expression takes quadratic time on long text without colons, so colons come first.
    """
    at = 0
    while (colon := line.find(":", at)) >= 0:
        key = _key_before(line, at, colon)
        at = colon + 1
        if len(key) >= 2:
            value, at = _value(line, at)
            yield key.strip(), value


def _key_before(line: str, low: int, colon: int) -> str:
    start = colon
    while start > low and (line[start - 1].isalnum() or line[start - 1] in "_ -/"):
        start -= 1
    return line[start:colon].lstrip(" -/")


def _value(line: str, at: int) -> tuple[str, int]:
    """The value that begins here and where the next pair may begin."""
    at = _match(_SPACE, line, at).end()
    if line[at : at + 1] in ("{", "["):
        try:  # "Hashes: {...}" and "Civitai resources: [...]" hold commas and colons unquoted
            _, end = json.JSONDecoder().raw_decode(line, at)
            return line[at:end], end
        except (ValueError, RecursionError):
            pass
    match = _match(_VALUE, line, at)
    return match[1].strip(), match.end()


def _match(pattern: re.Pattern[str], line: str, at: int) -> re.Match[str]:
    match = pattern.match(line, at)
    assert match is not None  # both patterns also match nothing at all, anywhere in a line
    return match


def _unquoted(value: str) -> str:
    try:
        return str(json.loads(value))
    except ValueError:
        return value
