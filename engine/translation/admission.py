"""Translations: which can be asked for on this machine, and about how long they take here."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.computing.names import asked_problem
from engine.errors import InvalidRequest, Problem
from engine.jobs.kind import Here, Kind
from engine.jobs.records import Job
from engine.jobs.status import EngineStatus
from engine.kept_photos import photo_from, photos_from
from engine.settings import OPENVINO, Settings
from engine.translation.backends.names import NOT_A_GENERATOR, OTHER_SOLVER, default_backend, is_convertible, is_ready
from engine.translation.catalogue import NEURAL_STYLE, NIJIGAN, PAINTER, Translator, translators
from engine.translation.pace import Asked, Earlier, Estimate, Size, earlier_of, estimate
from engine.translation.painting import AS_PAINTED, painting_from
from engine.translation.request import DEFAULT_TRANSLATOR, Translate, translate
from engine.translation.styling import AS_EVER, styling_from
from engine.translation.words import describe
from gallery.files import ImageFiles
from gallery.photos import Photos
from gallery.store import Gallery

NAMED = 3  # photos of a job that its title names
MOST_JOBS = 4  # of one translator whose times are looked at, the newest


def complete(values: Mapping[str, Any], here: Here) -> dict[str, Any]:
    """What a form leaves out: what computes the translation.

    Raises:
        InvalidRequest: what is to compute it is not here, or cannot.
    """
    values = {name: value for name, value in values.items() if name != "backend" or value}
    info = next((each for each in translators(here.settings) if each.name == _named(values)), None)
    if values.get("backend") == OPENVINO and (problem := _openvino_problem(values, info, here.accelerated)):
        raise InvalidRequest([Problem("backend", problem)])
    computed = default_backend(here.settings, info, values.get("solver"), here.accelerated)
    return {"backend": computed, **values}


def _named(values: Mapping[str, Any]) -> Any:
    return values.get("translator", DEFAULT_TRANSLATOR)


def _openvino_problem(values: Mapping[str, Any], info: Translator | None, accelerated: bool) -> str:
    """Why OpenVINO, which was asked for by name, cannot compute this; empty where it can."""
    if (text := asked_problem(OPENVINO, accelerated)) or info is None:
        return text
    if not is_convertible(info):
        return f"OpenVINO cannot compute {info.title}: {NOT_A_GENERATOR} Choose the engine PyTorch (torch)."
    other = f"OpenVINO cannot compute this: {OTHER_SOLVER} Choose the engine PyTorch (torch), or no solver."
    return other if values.get("solver") else ""


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    return [*_translator_problems(values, here), *_photo_problems(values, here)]


def _translator_problems(values: Mapping[str, Any], here: Here) -> list[Problem]:
    known = {info.name: info for info in translators(here.settings)}
    info = known.get(values["translator"])
    if info is None:
        text = f"There is no translator named {values['translator']!r}; known are: {', '.join(known)}."
        return [Problem("translator", text)]
    if info.problem:
        return [Problem("translator", f"{info.title} cannot be used: {info.problem}")]
    if (solver := values.get("solver")) and info.architecture != NIJIGAN:
        return [Problem("solver", f"{info.title} solves nothing, so it takes no solver; got {solver}.")]
    if info.architecture != NEURAL_STYLE and styling_from(values.get("styling")) != AS_EVER:
        text = f"{info.title} takes no style, so what was chosen for neural style does nothing. Leave it as it was."
        return [Problem("styling", text)]
    if info.architecture != PAINTER and painting_from(values.get("painting")) != AS_PAINTED:
        text = f"{info.title} does not paint, so what was chosen for Painter does nothing. Leave it as it was."
        return [Problem("painting", text)]
    if info.takes_style and values.get("style") is None:
        return [Problem("style", f"{info.title} takes its style from a picture. Choose one.")]
    return []


def _photo_problems(values: Mapping[str, Any], here: Here) -> list[Problem]:
    kept = Photos(ImageFiles(here.settings.home))
    style, more = photo_from(values.get("style")), styling_from(values.get("styling")).more_styles
    chosen = [*photos_from(values.get("photos")), *([style] if style else []), *more]
    gone = [photo.name for photo in chosen if not kept.path(photo.id).is_file()]
    return [Problem("photos", f"{name} is not kept here any more. Choose its file again.") for name in gone]


def estimate_here(
    info: Translator,
    sizes: Iterable[Size],
    asked: Asked,
    here: Settings,
    engine: EngineStatus,
    jobs: Iterable[Job],
    gallery: Gallery,
) -> Estimate | None:
    """As `estimate`, for what computes here, what this studio's worker said last and its own pictures say."""
    backend = asked.backend or default_backend(here, info, asked.solver, engine.accelerated)
    asked = replace(asked, backend=backend)
    earlier = _made_here(info, jobs, gallery, engine.device)
    found = estimate(info, sizes, asked, accelerated=engine.accelerated, earlier=earlier)
    return found.with_readying() if found and backend == OPENVINO and not is_ready(here.home, info) else found


def _made_here(info: Translator, jobs: Iterable[Job], gallery: Gallery, device: str = "") -> list[Earlier]:
    """What this studio's own pictures say about a translator; `jobs` are translations, newest first."""
    mine = [job for job in jobs if job.request is not None and job.request.translator == info.name][:MOST_JOBS]
    pictures = [record for job in mine for record in gallery.of_job(job.id)]
    readable = [
        ((each.width, each.height), each.recipe_values) for each in pictures if isinstance(each.recipe_values, Mapping)
    ]
    return earlier_of(info, readable, device)


def _title(request: Translate) -> str:
    names = [photo.name for photo in request.photos]
    if len(names) == 1:
        return names[0]
    return f"{len(names)} photos: {', '.join(names[:NAMED])}{', …' * (len(names) > NAMED)}"


KINDS = (
    Kind(
        name=Translate.kind,
        read=translate,
        title=_title,
        complete=complete,
        check=_check,
        alone=Translate.alone,
        pictures=lambda request: len(request.photos),
        stepwise=False,
        describe=describe,
    ),
)
