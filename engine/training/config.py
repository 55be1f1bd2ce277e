"""How trainers check their settings: all rules that are broken are told together."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from types import MappingProxyType
from typing import Any, TypeVar

from engine.errors import InvalidRequest, Problem

MAX_SEED = 2**31 - 1
LATER: Mapping[str, Any] = {"later": True}  # metadata of a setting that came when there were runs already

C = TypeVar("C")
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


def configured(presets: Mapping[str, C], preset: str, changes: Mapping[str, Any]) -> C:
    """A preset with settings of its own.

    Args:
        presets: settings by name, dataclasses.
        changes: JSON values by field.

    Raises:
        InvalidRequest: another preset, settings that do not exist, or values of another type or out of range.
    """
    if preset not in presets:
        raise InvalidRequest([Problem("preset", f"The preset must be one of {', '.join(presets)}; got {preset!r}.")])
    return config_from(presets[preset], changes)


def config_from(base: C, values: Mapping[str, Any]) -> C:
    """The settings with JSON values in the place of some. Raises InvalidRequest, see `configured`."""
    known = [spec.name for spec in fields(base)]  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(known)):
        text = f"Settings are {', '.join(known)}; got {', '.join(unknown)}. Correct the names."
        raise InvalidRequest([Problem("settings", text)])
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    wrong = [name for name, value in given.items() if not _alike(value, getattr(base, name))]
    if wrong:
        found = ", ".join(f"{name} {str(given[name])[:40]!r}" for name in wrong)
        text = f"Settings must be of the type of their defaults; got {found}. Correct them."
        raise InvalidRequest([Problem(wrong[0], text)])
    return replace(base, **given)  # type: ignore[type-var]


def values_of(config: Any) -> dict[str, Any]:
    """The settings of a run as values for JSON; `LATER` ones only where they are not the default.

    So a run that began before there was such a setting has the same values as one that leaves it alone, and goes on.
    """
    later = [spec for spec in fields(config) if spec.metadata.get("later")]
    plain = {spec.name for spec in later if getattr(config, spec.name) == spec.default}
    return {name: value for name, value in asdict(config).items() if name not in plain}


def _alike(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**300)
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(isinstance(each, int) for each in value)
    return isinstance(value, type(default))
