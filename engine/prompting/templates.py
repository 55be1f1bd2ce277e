"""Drawing a template's words from a seed: the same seed, template and wildcards give the same words anywhere.

Chance is the Mersenne twister of `random.Random(seed)`, of which nothing but `random()` is used: Python promises that
its numbers stay the same for a seed, on every platform and in later versions.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from random import Random

from engine.errors import TemplateRefused
from engine.prompting.parsing import Choice, Option, Parts, Wildcard, is_template, parse
from engine.prompting.wildcards import Wildcards
from engine.rules import MAX_PROMPT_CHARACTERS

MOST_DRAWS = 1000  # in one text; more than letters fit into it


def resolve(template: str, seed: int, wildcards: Wildcards) -> str:
    """The words of a template for a seed; a text without its signs comes back as it is.

    Args:
        seed: any whole number.

    Raises:
        TemplateRefused: the template or a wildcard that it can come to is wrong, or the words get too long.
    """
    if not is_template(template):
        return template
    parts = parse(template)
    wildcards.require(parts)
    return _Drawing(Random(seed), wildcards).text(parts)


class _Drawing:
    """One text on its way."""

    def __init__(self, chance: Random, wildcards: Wildcards):
        self._chance = chance
        self._wildcards = wildcards
        self._characters = 0
        self._draws = 0

    def text(self, parts: Parts) -> str:
        return "".join(self._part(part) for part in parts)

    def _part(self, part: str | Wildcard | Choice) -> str:
        if isinstance(part, str):
            self._count(part)
            return part
        if isinstance(part, Wildcard):
            lines = self._wildcards.lines(part.name)
            return self.text(lines.options[self._index(lines.bounds)].parts)
        options = part.options
        if len(options) == 1 and len(options[0].parts) == 1 and isinstance(only := options[0].parts[0], Wildcard):
            options = self._wildcards.lines(only.name).options
        count = part.low
        if part.high > part.low:
            count += int(self._chance.random() * (part.high - part.low + 1))
        return self._some(options, count, part.separator)

    def _some(self, options: Sequence[Option], count: int, separator: str) -> str:
        """`count` of the options, or all where there are fewer; in the order in which they were drawn."""
        left = [option for option in options if option.weight]
        texts = []
        for _ in range(min(count, len(left))):
            index = self._index([*accumulate(option.weight for option in left)])
            option = left.pop(index) if count > 1 else left[index]
            texts.append(self.text(option.parts))
        texts = [text for text in texts if text]
        for _ in texts[1:]:
            self._count(separator)
        return separator.join(texts)

    def _index(self, bounds: Sequence[float]) -> int:
        """Of an option, by the sums of the weights."""
        self._draws += 1
        if self._draws > MOST_DRAWS:
            raise TemplateRefused(f"A template may draw {MOST_DRAWS:,} times; this one goes on. Make it smaller.")
        return min(bisect_right(bounds, self._chance.random() * bounds[-1]), len(bounds) - 1)

    def _count(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > MAX_PROMPT_CHARACTERS:
            raise TemplateRefused(
                f"What a template gives may have {MAX_PROMPT_CHARACTERS} characters; this one gives more. "
                "Shorten it, or the lines of its wildcards."
            )
