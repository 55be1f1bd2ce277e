"""How trainers check their settings: all rules that are broken are told together."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from engine.errors import InvalidRequest, Problem

MAX_SEED = 2**31 - 1

Rule = tuple[bool, str]  # whether it is kept, and what the value must be, as after "must be"


def broken(config: Any, rules: Mapping[str, Rule], names: Mapping[str, str] = MappingProxyType({})) -> list[Problem]:
    """A problem for every rule that is not kept.

    Args:
        config: has an attribute for every rule.
        names: what attributes are called in sentences, where that is not their own name.
    """
    return [
        Problem(field, f"{names.get(field, field)} must be {wanted}; got {getattr(config, field)!r}.")
        for field, (kept, wanted) in rules.items()
        if not kept
    ]


def require(config: Any, rules: Mapping[str, Rule]) -> None:
    """Raise InvalidRequest with everything that is `broken`, if anything is."""
    if problems := broken(config, rules):
        raise InvalidRequest(problems)


def at_least(value: float, low: float) -> Rule:
    """The lowest value that is allowed."""
    return value >= low, f"{low:g} or more"


def multiple(value: int, step: int, low: int) -> Rule:
    """Of a number of pixels, which a network halves several times."""
    return value >= low and value % step == 0, f"a multiple of {step} from {low} on"


def share(value: float) -> Rule:
    """0 to 1."""
    return 0 <= value <= 1, "from 0 to 1"


def learning_rate(value: float) -> Rule:
    """Of Adam: above 1 nothing is learnt."""
    return 0 < value < 1, "between 0 and 1"


def average_decay(value: float) -> Rule:
    """Of an average of weights; at 1 it would never move."""
    return 0 <= value < 1, "from 0 to below 1"


def seed(value: int) -> Rule:
    """So low that every step and process gets a generator of its own below 2**64."""
    return 0 <= value <= MAX_SEED, f"from 0 to {MAX_SEED:,}"
