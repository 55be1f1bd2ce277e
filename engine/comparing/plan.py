"""What a comparison or a test is made of, as a folder that pages read too. Imports no torch.

asked.json          the pictures, see `Pictures`
translators.json    the report of a comparison; test.json that of a test on pairs
pictures/NAME/*.png what each translator made of each photo
cost/NAME.json      what a translator takes
matrix-1.png ...    figure 6.1: photos down, methods across
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ulid import ULID

from engine.comparing.request import CompareTranslators, TestOnPairs
from engine.errors import InvalidRequest, NotFound, Problem, StudioError
from engine.files import read_json, write_json
from engine.picture_files import pictures_below, pictures_in
from engine.prepared import prepared
from engine.settings import Settings

ASKED, COMPARED, TESTED = "asked.json", "translators.json", "test.json"
PAIR_PHOTOS, PAIR_TRUTHS = "X_p", "Y_p"
FEWEST, MOST = 2, 10_000


@dataclass(frozen=True, slots=True)
class Pictures:
    """The files of a comparison or a test.

    Attributes:
        photos: to translate.
        styles: pictures that the translations should be like.
        pairs: photos with the picture that a translation should be, both by the same name.
        photos_from, styles_from, pairs_from: the folders, for people.
    """

    photos: tuple[Path, ...] = ()
    styles: tuple[Path, ...] = ()
    pairs: tuple[tuple[Path, Path], ...] = ()
    photos_from: str = ""
    styles_from: str = ""
    pairs_from: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A finished comparison or test.

    Attributes:
        folder: with its files.
        created_at: seconds since 1970.
        values: what its JSON file says.
    """

    folder: Path
    created_at: float
    values: dict[str, Any]


def pictures_to_compare(photos: Path, styles: Path, pairs: Path | None = None) -> Pictures:
    """List what a comparison needs.

    Raises:
        NotFound: a folder is missing or empty.
        InvalidRequest: too few or too many pictures, or pairs that do not fit; every reason is given.
    """
    problems: list[Problem] = []
    found, wanted = _listed("photos", photos, problems), _listed("styles", styles, problems)
    both = _paired(pairs, problems) if pairs else ()
    if problems:
        raise InvalidRequest(problems)
    return Pictures(found, wanted, both, str(photos), str(styles), str(pairs or ""))


def pictures_to_test(pairs: Path, photos: Path | None = None) -> Pictures:
    """List what a test needs; `photos` are translated too, without a figure. Raises as `pictures_to_compare`."""
    problems: list[Problem] = []
    both = _paired(pairs, problems)
    found = _listed("photos", photos, problems, fewest=1) if photos else ()
    if problems:
        raise InvalidRequest(problems)
    return Pictures(found, (), both, str(photos or ""), "", str(pairs))


def begin(settings: Settings, name: str, pictures: Pictures) -> None:
    """Write down the pictures of a job that is about to be queued under this name."""
    place = prepared(settings.home, settings.evaluations_dir / name)
    values = json.loads(json.dumps(asdict(pictures), default=lambda path: str(path.absolute())))
    write_json(place / ASKED, values)


def read_pictures(folder: Path) -> Pictures:
    """What `begin` wrote. Raises NotFound."""
    try:
        values = read_json(folder / ASKED)
        photos, styles = (tuple(map(Path, values[name])) for name in ("photos", "styles"))
        pairs = tuple((Path(photo), Path(truth)) for photo, truth in values["pairs"])
        return Pictures(photos, styles, pairs, *(values[f"{name}_from"] for name in ("photos", "styles", "pairs")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotFound(f"The list of pictures in {folder} cannot be read: {reason}. Begin a new one.") from None


def names_of(paths: Sequence[Path]) -> list[str]:
    """A name for each translation: that of its photo's file, with its place too where several files share one."""
    stems = Counter(path.stem for path in paths)
    return [path.stem if stems[path.stem] == 1 else f"{path.stem} {place + 1}" for place, path in enumerate(paths)]


def comparisons(settings: Settings) -> list[Report]:
    """The finished comparisons, the newest first."""
    return _reports(settings, COMPARED)


def tests_on_pairs(settings: Settings) -> list[Report]:
    """The finished tests on pairs, the newest first."""
    return _reports(settings, TESTED)


def folder_of(settings: Settings, request: CompareTranslators | TestOnPairs) -> Path:
    """Where a job's report is."""
    name = request.comparison if isinstance(request, CompareTranslators) else request.test
    return settings.evaluations_dir / name


def files_of(report: Report) -> list[Path]:
    """The files of a report that are worth a download, the report itself first."""
    first = [path for name in (COMPARED, TESTED) if (path := report.folder / name).exists()]
    return [*first, *sorted(report.folder.glob("*.csv")), *sorted(report.folder.glob("*.png"))]


def _reports(settings: Settings, name: str) -> list[Report]:
    found = []
    for path in settings.evaluations_dir.glob(f"*/{name}"):
        try:
            found.append(Report(path.parent, _created_at(path), read_json(path)))
        except (OSError, ValueError):
            continue
    return sorted(found, key=lambda each: each.created_at, reverse=True)


def _created_at(path: Path) -> float:
    try:
        return ULID.from_str(path.parent.name[:26]).timestamp
    except ValueError:
        return path.stat().st_mtime


def _listed(field: str, folder: Path, problems: list[Problem], fewest: int = FEWEST) -> tuple[Path, ...]:
    try:
        found = pictures_below(folder)
    except StudioError as error:
        problems.append(Problem(field, str(error)))
        return ()
    if not fewest <= len(found) <= MOST:
        why = "a distance between two sets needs two pictures in each" if len(found) < fewest else "take a sample"
        text = f"A folder to compare holds {fewest} to {MOST:,} pictures; {folder.name} holds {len(found):,}: {why}."
        problems.append(Problem(field, text))
    return tuple(found)


def _paired(folder: Path, problems: list[Problem]) -> tuple[tuple[Path, Path], ...]:
    """Photo and truth by name; what has no partner is a problem."""
    sides = []
    inner = [each.parent for each in folder.glob(f"*/{PAIR_PHOTOS}")]
    if not (folder / PAIR_PHOTOS).is_dir() and len(inner) == 1:  # an archive of a folder
        (folder,) = inner
    for name in (PAIR_PHOTOS, PAIR_TRUTHS):
        try:
            sides.append({path.stem: path for path in pictures_in(folder / name)})
        except StudioError as error:
            problems.append(Problem("pairs", f"Pairs lie in {PAIR_PHOTOS} and {PAIR_TRUTHS} of one folder. {error}"))
            return ()
    photos, truths = sides
    if not photos.keys() & truths.keys():
        text = (
            f"Photos and their partners have the same names; {PAIR_PHOTOS} and {PAIR_TRUTHS} of {folder.name} have "
            "none in common. Rename one of them after the other."
        )
        problems.append(Problem("pairs", text))
    elif alone := sorted(photos.keys() ^ truths.keys()):
        text = (
            f"Every photo in {PAIR_PHOTOS} has a picture of the same name in {PAIR_TRUTHS}, and the reverse; "
            f"{len(alone)} have none ({', '.join(alone[:5])}). Remove them or add what is missing."
        )
        problems.append(Problem("pairs", text))
    return tuple((photos[name], truths[name]) for name in sorted(photos.keys() & truths.keys()))
