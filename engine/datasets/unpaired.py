"""Two folders of pictures that teach a translation there and back: what speaks against training on them.

Nothing has to belong together in them, and nothing is captioned. Imports no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from engine.datasets.findings import REDUCED, Finding, Severity, counted, named
from engine.datasets.index import shown
from engine.datasets.layouts.listing import list_files
from engine.datasets.pictures import PictureFacts, PictureRefused, facts_of
from engine.errors import InvalidRequest, Problem, StudioError

FEWEST = 4  # pictures of each folder
FEW = 20
SHOWN_REFUSALS = 50  # after so many that cannot be used the rest is not opened


@dataclass(frozen=True)
class Folder:
    """The pictures in a folder and below it, by name, and what is known of each.

    Attributes:
        path: the folder.
        pictures: files that can be used.
        facts: of each of them.
        refused: a sentence about each that cannot be used.
    """

    path: Path
    pictures: tuple[Path, ...]
    facts: tuple[PictureFacts, ...]
    refused: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its own, for sentences."""
        return shown(self.path.name)

    @property
    def fingerprint(self) -> str:
        """Of names and contents, 64 hexadecimal characters: a run goes on with these pictures alone."""
        lines = [f"{path.relative_to(self.path)} {facts.sha256}" for path, facts in _all(self)]
        return sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class CheckUp:
    """Two folders and what was found.

    Attributes:
        findings: the gravest first.
    """

    x: Folder
    y: Folder
    findings: tuple[Finding, ...] = field(default=())

    def require_usable(self) -> None:
        """Raise InvalidRequest with everything that blocks a training."""
        problems = [Problem("folders", found.message) for found in self.findings if found.severity == Severity.BLOCKS]
        if problems:
            raise InvalidRequest(problems)


def read_folder(path: Path) -> Folder:
    """Decode every picture of a folder once; folders of the operating system and links are passed over.

    Raises:
        NotFound: there is no such folder, or no picture in it.
        StudioError: it holds too many files.
    """
    files = list_files(path).pictures
    usable: list[tuple[Path, PictureFacts]] = []
    refused: list[str] = []
    for file in files:
        try:
            usable.append((file, facts_of(file)))
        except PictureRefused as error:
            refused.append(str(error))
            if len(refused) == SHOWN_REFUSALS:
                break
    return Folder(path, tuple(file for file, _ in usable), tuple(facts for _, facts in usable), tuple(refused))


def examine(x: Path, y: Path, crop: int, enlarged: bool = True) -> CheckUp:
    """Look at both folders before hours are spent on them.

    Args:
        crop: pixels of the squares that are trained on.
        enlarged: whether smaller pictures are made that large; else they cannot be used.

    Raises:
        InvalidRequest: see `read_folder`; all that is wrong with both is told together.
    """
    folders, problems = [], []
    for path in (x, y):
        try:
            folders.append(read_folder(path))
        except StudioError as error:
            problems.append(Problem("folders", str(error)))
    if problems:
        raise InvalidRequest(problems)
    one, other = folders
    findings = [*_same(one, other), *(found for folder in folders for found in _of(folder, crop, enlarged))]
    order = list(Severity)
    findings.sort(key=lambda finding: order.index(finding.severity))
    return CheckUp(one, other, tuple(findings))


def _same(x: Folder, y: Folder) -> list[Finding]:
    shared = {facts.sha256 for facts in x.facts} & {facts.sha256 for facts in y.facts}
    if not shared:
        return []
    files = tuple(file.name for file, facts in zip(x.pictures, x.facts, strict=True) if facts.sha256 in shared)
    if len(files) == len(x.pictures) or {facts.sha256 for facts in y.facts} <= shared:
        text = (
            f"The two folders must show different kinds of pictures; all of {x.name} or of {y.name} are in "
            "the other one too. Choose another folder for one of them."
        )
        return [Finding("same_folders", Severity.BLOCKS, text, files)]
    text = f"{counted(len(files), 'picture')} in both folders: {named(files)}. Leave each out of one."
    return [Finding("shared", Severity.LOOK, text, files)]


def _of(folder: Folder, crop: int, enlarged: bool) -> list[Finding]:
    return [*_refused(folder), *_number(folder), *_small(folder, crop, enlarged), *_colours(folder)]


def _refused(folder: Folder) -> list[Finding]:
    if not folder.refused:
        return []
    first, count = folder.refused[0], len(folder.refused)
    if count == SHOWN_REFUSALS:
        text = f"{folder.name}: {count} pictures and more cannot be used, such as {first} Leave them out."
    else:
        text = f"{folder.name}: {counted(count, 'picture')} cannot be used, such as {first} Leave it out."
    return [Finding("unusable", Severity.BLOCKS, text)]


def _number(folder: Folder) -> list[Finding]:
    count, name = len(folder.pictures), folder.name
    if count < FEWEST and not folder.refused:
        text = f"{name}: a training needs {FEWEST} pictures or more of each kind; there {_are(count)}. Add some."
        return [Finding("too_few", Severity.BLOCKS, text)]
    if count < FEW:
        return [Finding("few", Severity.LOOK, f"{name}: {count} pictures are few; a hundred or more work better.")]
    return []


def _small(folder: Folder, crop: int, enlarged: bool) -> list[Finding]:
    sides = {path.name: min(facts.width, facts.height) for path, facts in _all(folder)}
    small = tuple(name for name, side in sides.items() if side < crop)
    if not small:
        return []
    text = (
        f"{folder.name}: {counted(len(small), 'picture')} with less than {crop} pixels on the shorter side: "
        f"{named(small)}. "
    )
    if enlarged:
        return [Finding("small", Severity.LOOK, f"{text}They are enlarged and teach blur.", small)]
    return [Finding("small", Severity.BLOCKS, f"{text}Give a side to which all are brought, or smaller crops.", small)]


def _colours(folder: Folder) -> list[Finding]:
    kinds = (
        ("grey", Severity.LOOK, "grey; grey is learnt from it", lambda facts: facts.mode[0] in "1LI"),
        ("transparent", Severity.LOOK, "transparent; it is seen on white", lambda facts: facts.transparent),
        ("16_bit", Severity.NOTE, REDUCED, lambda facts: facts.bits == 16),
    )
    findings = []
    for code, severity, what, has in kinds:
        files = tuple(path.name for path, facts in _all(folder) if has(facts))
        if files:
            text = f"{folder.name}: {counted(len(files), 'picture')} {what}: {named(files)}."
            findings.append(Finding(code, severity, text, files))
    return findings


def _all(folder: Folder) -> Sequence[tuple[Path, PictureFacts]]:
    return list(zip(folder.pictures, folder.facts, strict=True))


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}" if count else "is none"
