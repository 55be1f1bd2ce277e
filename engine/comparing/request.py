"""What can be asked about translators: comparing several, and testing one on pairs."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from engine.errors import InvalidRequest, Problem
from engine.rules import Whole

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
MOST_TRANSLATORS = 12
SIDE = Whole(64, 2048, default=384)
"""Pixels of a photo's short side, to which all are brought before they are translated."""
COST_SIDE = Whole(64, 2048, default=256)
"""Pixels of the square whose translation is timed."""
FEW = 5
RUNS = Whole(0, 500, default=50)
"""Timed runs beside the first five; 0 leaves time and memory out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareTranslators:
    """Compare translators on photos and style pictures that were written down before.

    Attributes:
        comparison: name of its folder in STUDIO_HOME/evaluations.
        translators: their names, each once.
        side: see `SIDE`.
        cost_side: see `COST_SIDE`.
        runs: see `RUNS`.
        study: id of an opinion study whose scores stand beside the figures; empty for none.

    Raises:
        InvalidRequest: one or more values break a rule.
    """

    comparison: str
    translators: tuple[str, ...]
    side: int = SIDE.default
    cost_side: int = COST_SIDE.default
    runs: int = RUNS.default
    study: str = ""

    kind: ClassVar[str] = "compare_translators"

    def __post_init__(self) -> None:
        problems = [*_name_problems("comparison", self.comparison), *_translator_problems(self.translators)]
        for field, rule in (("side", SIDE), ("cost_side", COST_SIDE), ("runs", RUNS)):
            problems += rule.problems(field, getattr(self, field))
        if not isinstance(self.study, str):
            problems.append(Problem("study", f"A study is named by its id; got {self.study!r}."))
        if problems:
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self) | {"translators": list(self.translators)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TestOnPairs:
    """Test a translator, or a training's checkpoint, on pairs that were written down before.

    Attributes:
        test: name of its folder in STUDIO_HOME/evaluations.
        subject: name of a translator, or the path of a training's folder or of a file of weights.
        side: pixels of the short side, to which all pictures are brought; 0 leaves them as they are.

    Raises:
        InvalidRequest: one or more values break a rule.
    """

    __test__: ClassVar[bool] = False  # no class of tests

    test: str
    subject: str
    side: int = COST_SIDE.default

    kind: ClassVar[str] = "test_translator"

    def __post_init__(self) -> None:
        problems = _name_problems("test", self.test)
        if not isinstance(self.subject, str) or not self.subject.strip():
            problems.append(Problem("subject", "What is tested is a translator, a training's folder or its weights."))
        if self.side != 0:
            problems += SIDE.problems("side", self.side)
        if problems:
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


def compare_translators(values: Mapping[str, Any]) -> CompareTranslators:
    """Build the request from JSON-like values."""
    given = values.get("translators")
    names = tuple(given) if isinstance(given, list | tuple) else given
    return CompareTranslators(**{**values, "translators": names})


def on_pairs(values: Mapping[str, Any]) -> TestOnPairs:
    """Build the request from JSON-like values."""
    return TestOnPairs(**values)


def _name_problems(field: str, name: Any) -> list[Problem]:
    if isinstance(name, str) and _NAME.fullmatch(name):
        return []
    text = f"A report's name has 1 to 100 letters, digits, dots, hyphens or underscores; got {str(name)[:120]!r}."
    return [Problem(field, text)]


def _translator_problems(names: Any) -> list[Problem]:
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        return [Problem("translators", f"Translators are named by texts; got {names!r}.")]
    if not 1 <= len(names) <= MOST_TRANSLATORS:
        text = f"A comparison takes 1 to {MOST_TRANSLATORS} translators; got {len(names)}. Choose among them."
        return [Problem("translators", text)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return [Problem("translators", f"Each translator is compared once; {', '.join(twice)} stands there again.")]
    return []
