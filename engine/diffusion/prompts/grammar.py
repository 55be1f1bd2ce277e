"""AUTOMATIC1111's grammar of attention in prompts (`modules/prompt_parser.py` there): which words weigh how much.

`(word)` weighs 1.1, `(word:1.3)` 1.3, `[word]` 1/1.1; nested weights multiply, and a bracket that is left open ends
with the text. `\\(`, `\\)`, `\\[`, `\\]` and `\\\\` are the characters themselves; any other backslash is dropped, as
there. `BREAK` ends a chunk, here also inside brackets.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import Problem
from engine.rules import Real, field_label

PLAIN, WEIGHTED = "plain", "a1111"
SYNTAXES = (PLAIN, WEIGHTED)
WEIGHT = Real(-10, 10, default=1.0)
ROUND, SQUARE = 1.1, 1 / 1.1

_TOKEN = re.compile(r"\\[()\[\]\\]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:")
_BREAK = re.compile(r"\bBREAK\b")
_SPECIAL = re.compile(r"[\\()\[\]]")
_DIGITS = 9  # of a weight that count: 1.1 * (1 / 1.1) is 1


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a prompt.

    Attributes:
        text: as the text encoder reads it, without marks.
        weight: of each of its words; not finite where no number was written.
        breaks: a chunk ends before it.
    """

    text: str
    weight: float = 1.0
    breaks: bool = False


def parse(prompt: str) -> list[Piece]:
    """The pieces of a prompt, neighbours of equal weight joined; at least one. It takes linear time and never fails."""
    tokens = [(match[0], match[1]) for match in _TOKEN.finditer(prompt)]
    factors, closers = _brackets(tokens)
    joined: list[Piece] = []
    for piece in _weighted(tokens, factors, closers):
        last = joined[-1] if joined else None
        if last and not piece.breaks and (last.weight == piece.weight or not piece.text):
            joined[-1] = Piece(last.text + piece.text, last.weight, last.breaks)
        elif last and not piece.breaks and not last.text:
            joined[-1] = Piece(piece.text, piece.weight, last.breaks)
        else:
            joined.append(piece)
    return joined or [Piece("")]


def words_of(prompt: str, syntax: str = WEIGHTED) -> str:
    """What is read of a prompt, without weights and breaks."""
    if syntax == PLAIN:
        return prompt
    return "".join(f"{' ' if piece.breaks else ''}{piece.text}" for piece in parse(prompt))


def escaped(text: str) -> str:
    """A text with every bracket and backslash marked as the character itself, so that `parse` gives it back."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def weight_problems(field: str, prompt: str) -> list[Problem]:
    """Weights beyond `WEIGHT`, the first three of them."""
    wrong = [piece for piece in parse(prompt) if piece.text.strip() and piece.weight not in WEIGHT]
    if not wrong:
        return []
    named = ", ".join(f"{_number(piece.weight)} for {piece.text.strip()[:30]!r}" for piece in wrong[:3])
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    text = (
        f"{field_label(field)}: words may weigh {WEIGHT}, with all their brackets multiplied; got {named}{more}. "
        r"Use fewer brackets or a smaller number; a bracket that is meant as a character is written \( or \)."
    )
    return [Problem(field, text)]


def _number(weight: float) -> str:
    return f"{weight:g}" if math.isfinite(weight) else "too much" if math.isinf(weight) else "no number"


def _brackets(tokens: list[tuple[str, str | None]]) -> tuple[dict[int, float], frozenset[int]]:
    """The factor of each bracket that opens, by its place, and the places of those that close one."""
    factors: dict[int, float] = {}
    closers = set()
    waiting: dict[str, list[int]] = {"(": [], "[": []}
    for place, (token, number) in enumerate(tokens):
        if token in waiting:
            waiting[token].append(place)
            factors[place] = ROUND if token == "(" else SQUARE
        elif (opener := _opener(token, number)) and waiting[opener]:
            closers.add(place)
            opened = waiting[opener].pop()
            factors[opened] = factors[opened] if number is None else _weight(number)
    return factors, frozenset(closers)


def _opener(token: str, number: str | None) -> str:
    return "(" if number is not None or token == ")" else "[" if token == "]" else ""


def _weight(number: str) -> float:
    try:
        return float(number)
    except ValueError:
        return math.nan


def _weighted(
    tokens: list[tuple[str, str | None]], factors: dict[int, float], closers: frozenset[int]
) -> Iterator[Piece]:
    """Round and square brackets may cross, so each kind has a stack of products."""
    products = {"(": [1.0], "[": [1.0]}
    for place, (token, number) in enumerate(tokens):
        if place in factors:
            products[token].append(products[token][-1] * factors[place])
        elif place in closers:
            products[_opener(token, number)].pop()
        else:
            weight = round(products["("][-1] * products["["][-1], _DIGITS)
            text = token[1:] if token.startswith("\\") else token
            yield from _split(text, weight) if text == token else [Piece(text, weight)]


def _split(text: str, weight: float) -> Iterator[Piece]:
    """At each BREAK, without the spaces around it."""
    parts = _BREAK.split(text)
    last = len(parts) - 1
    for index, part in enumerate(parts):
        part = part.lstrip() if index else part
        yield Piece(part.rstrip() if index < last else part, weight, index > 0)
