"""What can be asked about networks to explore: training one, and keeping what was found in one."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from engine.errors import InvalidRequest, Problem
from engine.kept_photos import PhotoRef, photo_problems, photos_from
from engine.latent.catalogue import MOST_LATENTS
from engine.latent.runs import name_problems
from engine.rules import Whole, choice, finite

_RUN = re.compile(r"[0-9A-Za-z][0-9A-Za-z._ -]{0,99}")
PICTURE, STRIP = "picture", "strip"
FORMS = (PICTURE, STRIP)
FRAMES = Whole(3, 24, default=8)
FARTHEST = 1000.0  # of a latent; nothing is drawn so far out


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainNetwork:
    """Begin a prepared training of a network, or go on with it.

    Attributes:
        run: name of its folder in STUDIO_HOME/explorer-runs.
        name: of the network, for people.
        dataset: folder of the pictures; named here so that an upload stays while a job may need it.

    Raises:
        InvalidRequest: one or more values break a rule.
    """

    run: str
    name: str
    dataset: str = ""

    kind: ClassVar[str] = "train_network"

    def __post_init__(self) -> None:
        problems = name_problems(self.name)
        if not isinstance(self.run, str) or not _RUN.fullmatch(self.run):
            problems.append(Problem("run", f"A run is named by letters, digits, -, _ and .; got {self.run!r}."))
        if problems:
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """A picture of a network's latents, or a strip of the way between two.

    Attributes:
        explorer: name of the network.
        begin: its latents.
        end: of a strip: where the way ends.
        form: one of `FORMS`.
        frames: of a strip, `FRAMES`.
        photos: what the latents were found from, at most two.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    explorer: str
    begin: tuple[float, ...]
    end: tuple[float, ...] = ()
    form: str = PICTURE
    frames: int = FRAMES.default
    photos: tuple[PhotoRef, ...] = ()

    kind: ClassVar[str] = "explored"

    def __post_init__(self) -> None:
        if problems := _explored_problems(self):
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        values = {name: getattr(self, name) for name in ("explorer", "form", "frames")}
        points = {"begin": list(self.begin), "end": list(self.end)}
        return values | points | {"photos": [photo.to_dict() for photo in self.photos]}


def explored(values: Mapping[str, Any]) -> Explored:
    """Build the request from JSON-like values (latents as lists, photos as mappings)."""
    points = {name: _point(values[name]) for name in ("begin", "end") if name in values}
    return Explored(**{"explorer": "", "begin": (), **values, **points, "photos": photos_from(values.get("photos"))})


def _point(value: Any) -> Any:
    """As short as what they mean: float32."""
    if not isinstance(value, (list, tuple, np.ndarray)):
        return value
    return tuple(float(np.float32(each)) if finite(each) is not None else each for each in _listed(value))


def _listed(value: Any) -> list[Any]:
    return value.tolist() if isinstance(value, np.ndarray) else list(value)


def _explored_problems(request: Explored) -> list[Problem]:
    problems = [*choice("form", request.form, FORMS), *FRAMES.problems("frames", request.frames)]
    if not isinstance(request.explorer, str) or not request.explorer:
        problems.append(Problem("explorer", f"A network is named by a text; got {request.explorer!r}."))
    problems += _point_problems("begin", request.begin)
    if request.form == STRIP:
        problems += _point_problems("end", request.end)
        if not problems and len(request.begin) != len(request.end):
            text = f"Both ends need as many latents; got {len(request.begin)} and {len(request.end)}."
            problems.append(Problem("end", text))
    if len(request.photos) > 2:
        problems.append(Problem("photos", f"At most 2 photos lead to a picture; got {len(request.photos)}."))
    return [*problems, *(problem for photo in request.photos for problem in photo_problems("photos", photo))]


def _point_problems(field: str, point: Any) -> list[Problem]:
    if not isinstance(point, tuple) or not 1 <= len(point) <= MOST_LATENTS:
        return [Problem(field, f"A point has 1 to {MOST_LATENTS} latents. Choose it on the Explore page.")]
    wrong = [each for each in point if (number := finite(each)) is None or abs(number) > FARTHEST]
    if wrong:
        text = f"Latents are numbers from {-FARTHEST:g} to {FARTHEST:g}; got {wrong[0]!r}. Move the sliders back."
        return [Problem(field, text)]
    return []
