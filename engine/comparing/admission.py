"""Comparisons and tests of translators: which can be asked for on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.comparing.plan import ASKED
from engine.comparing.request import CompareTranslators, TestOnPairs, compare_translators, on_pairs
from engine.errors import Problem, StudioError
from engine.jobs.kind import Here, Kind
from engine.jobs.schema import TRAIN
from engine.opinions.studies import Studies
from engine.prepared import prepared
from engine.translation.catalogue import Translator, translators

NAMED = 3  # translators in a title


def comparable(known: Translator) -> str:
    """Why a translator cannot be compared; empty where it can."""
    if known.problem:
        return f"{known.title} cannot be used: {known.problem}"
    if known.takes_style:
        return f"{known.title} takes its style from a picture, so it is not compared with those that have one."
    return ""


def _comparing(values: Mapping[str, Any], here: Here) -> list[Problem]:
    known = {each.name: each for each in translators(here.settings)}
    problems = _prepared("comparison", values["comparison"], here)
    for name in values["translators"]:
        if name not in known:
            text = f"There is no translator named {name!r}; known are: {', '.join(known)}."
            problems.append(Problem("translators", text))
        elif why := comparable(known[name]):
            problems.append(Problem("translators", why))
    if values.get("study"):
        try:
            Studies(here.settings.home).get(values["study"])
        except StudioError as error:
            problems.append(Problem("study", str(error)))
    return problems


def _testing(values: Mapping[str, Any], here: Here) -> list[Problem]:
    problems, subject = _prepared("test", values["test"], here), values["subject"]
    known = {each.name: each for each in translators(here.settings)}
    if subject in known:
        return [*problems, *([Problem("subject", why)] if (why := comparable(known[subject])) else [])]
    if not _is_there(subject):
        text = (
            f"There is no translator {subject[:200]!r} and no training in a folder of that name; translators are: "
            f"{', '.join(known)}."
        )
        problems.append(Problem("subject", text))
    return problems


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # no name that a file can have
        return False


def _prepared(field: str, name: str, here: Here) -> list[Problem]:
    place = here.settings.evaluations_dir / name
    if any((folder / ASKED).is_file() for folder in (place, prepared(here.settings.home, place))):
        return []
    return [Problem(field, f"The pictures must be chosen first; nothing is prepared under {name!r}.")]


def _title(request: CompareTranslators) -> str:
    names = request.translators
    return f"Comparing {', '.join(names[:NAMED])}{', …' * (len(names) > NAMED)}"


KINDS = (
    Kind(
        name=CompareTranslators.kind,
        read=compare_translators,
        title=_title,
        lane=TRAIN,
        check=_comparing,
        pausable=True,
        folder=lambda settings, request: settings.evaluations_dir / request.comparison,
    ),
    Kind(
        name=TestOnPairs.kind,
        read=on_pairs,
        title=lambda request: f"Testing {Path(request.subject).name} on pairs",
        lane=TRAIN,
        check=_testing,
        folder=lambda settings, request: settings.evaluations_dir / request.test,
    ),
)
