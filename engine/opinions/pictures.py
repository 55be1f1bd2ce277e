"""The pictures of a study, from folders: matched by name, made alike in size, and without a trace of who made them."""

import io
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from engine.errors import PhotoRefused
from engine.files import printable, read_plain
from engine.opinions.study import MOST_CONTENTS, MOST_NAME, ORIGINAL, StudyRefused
from engine.rules import counted
from engine.safety.photos import MOST_BYTES, plain_photo

LONG_SIDE = 1024  # pixels; more does not fit beside another on a screen
SHAPE_TOLERANCE = 0.03  # of the ratio of sides between the pictures of one content
MOST_FILES = 5000  # that are looked at in a folder
ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".heic", ".heif"}


@dataclass(frozen=True)
class Matched:
    """The files of a study before it is made.

    Attributes:
        files: by content and method.
        originals: by content; may lack some.
        left_out: the names that some methods have and others do not.
    """

    files: Mapping[str, Mapping[str, Path]]
    originals: Mapping[str, Path]
    left_out: tuple[str, ...]


def match(folders: Mapping[str, Path], originals: Path | None, control: bool, most: int | None = None) -> Matched:
    """Find what all methods have made a picture of.

    Args:
        folders: by the method's name.
        originals: the folder of the photos that the pictures were made from.
        control: hide the originals among the pictures, as a method of its own.
        most: contents, the first ones by name; None for all.

    Raises:
        StudyRefused: a folder cannot be read, is empty, or they have no name in common.
    """
    found = {_name(method): _pictures_in(Path(folder), "methods") for method, folder in folders.items()}
    if len(found) != len(folders):
        raise StudyRefused("Each method has a name of its own; two of them are the same.", "methods")
    _require_different(folders)
    return combined(found, _pictures_in(Path(originals), "originals") if originals else {}, control, most)


def _require_different(folders: Mapping[str, Path]) -> None:
    """Else people would be asked to tell a picture from itself."""
    named: dict[Path, str] = {}
    for method, folder in folders.items():
        other = named.setdefault(Path(folder).resolve(), method)
        if other != method:
            text = f"Each method has a folder of its own; {other} and {method} are both {folder}. Correct one of them."
            raise StudyRefused(text, "methods")


def combined(
    found: Mapping[str, Mapping[str, Path]], originals: Mapping[str, Path], control: bool, most: int | None = None
) -> Matched:
    """The contents that all methods have a picture of.

    Args:
        found: by method and content.
        originals: by content.
        control: hide the originals among the pictures, as a method of its own.
        most: contents, the first ones by name; None for all.

    Raises:
        StudyRefused: there is none, or no original for a control.
    """
    if control and not originals:
        raise StudyRefused("A hidden control is the original itself. Name the folder of the originals.", "originals")
    methods = {**found, **({ORIGINAL: originals} if control else {})}
    everyone = [set(files) for files in methods.values()]
    shared = sorted(set.intersection(*everyone))[:most] if everyone else []
    if not shared:
        counts = ", ".join(f"{method}: {counted(len(files), 'picture')}" for method, files in methods.items())
        raise StudyRefused(
            "Pictures of the same content must have the same file name, without its ending, in every folder; no name "
            f"is in all of them ({counts or 'no folder'}).",
            "methods",
        )
    return Matched(
        {name: {method: files[name] for method, files in methods.items()} for name in shared},
        {name: originals[name] for name in shared if name in originals},
        tuple(sorted(set.union(*everyone) - set(shared))),
    )


def _name(method: str) -> str:
    name = " ".join(method.split())
    if not 1 <= len(name) <= MOST_NAME or name.casefold() == ORIGINAL:
        raise StudyRefused(
            f"A method has a name of 1 to {MOST_NAME} characters, other than {ORIGINAL!r}; got {name!r}.",
            "methods",
        )
    return name


def _pictures_in(folder: Path, field: str) -> dict[str, Path]:
    """The picture files of a folder by their name without its ending."""
    try:
        paths = [path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and not path.name.startswith(".")]
    except (OSError, ValueError) as error:  # a name with a NUL is no path at all
        why = getattr(error, "strerror", None) or error
        raise StudyRefused(f"{folder} must be a folder that can be read; got: {why}.", field) from None
    if not 1 <= len(paths) <= MOST_FILES:
        raise StudyRefused(
            f"A folder of a study holds 1 to {MOST_FILES:,} pictures; {folder} has {len(paths):,}.", field
        )
    named: dict[str, Path] = {}
    for path in sorted(paths):
        name = printable(unicodedata.normalize("NFC", path.stem))  # computers write the same accents in two ways
        if name in named:
            raise StudyRefused(f"{folder} has two pictures called {name}. Remove one, or give it another name.", field)
        named[name] = path
    return named


def taken(
    matched: Matched, keep: Callable[[str, bytes], None], contents: Iterable[str] | None = None
) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Take the pictures in, under names that say nothing.

    Args:
        keep: writes a file of that name.
        contents: which; None for all.

    Returns:
        The file names by content and method, and those of the originals by content.

    Raises:
        StudyRefused: a picture cannot be opened, or the pictures of a content differ in shape.
    """
    chosen = list(contents) if contents is not None else list(matched.files)
    if len(chosen) > MOST_CONTENTS:
        raise StudyRefused(
            f"A study is about {MOST_CONTENTS} contents at most; got {len(chosen):,}. Take fewer.", "contents"
        )
    pictures: dict[str, dict[str, str]] = {}
    originals: dict[str, str] = {}
    for content in chosen:
        opened = {method: _opened(path) for method, path in matched.files[content].items()}
        size = _common_size(content, opened)
        pictures[content] = {method: _kept(picture, size, keep) for method, picture in opened.items()}
        if content in matched.originals:
            original = opened.get(ORIGINAL) or _opened(matched.originals[content])
            originals[content] = _kept(original, _fitting(original.size, max(size)), keep)
    return pictures, originals


def _opened(path: Path) -> Image.Image:
    try:
        with Image.open(io.BytesIO(plain_photo(read_plain(path, MOST_BYTES + 1), path.name).png)) as picture:
            return picture.convert("RGB")
    except (PhotoRefused, OSError) as error:
        text = str(error) if isinstance(error, PhotoRefused) else f"{path} cannot be read: {error.strerror}."
        raise StudyRefused(f"{text} Every picture of a study must open.", "methods") from None


def _common_size(content: str, pictures: Mapping[str, Image.Image]) -> tuple[int, int]:
    """The smallest size of a content's pictures: another size would say whose picture it is."""
    ratios = {method: picture.width / picture.height for method, picture in pictures.items()}
    if max(ratios.values()) > min(ratios.values()) * (1 + SHAPE_TOLERANCE):
        sizes = ", ".join(f"{method} {picture.width}x{picture.height}" for method, picture in pictures.items())
        raise StudyRefused(
            f"All pictures of {content} must have the same shape; got {sizes}. Crop them alike.", "methods"
        )
    smallest = min((picture.size for picture in pictures.values()), key=lambda size: size[0] * size[1])
    return _fitting(smallest, LONG_SIDE)


def _fitting(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    scale = min(1.0, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _kept(picture: Image.Image, size: tuple[int, int], keep: Callable[[str, bytes], None]) -> str:
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    name, file = f"{secrets.token_hex(12)}.png", io.BytesIO()
    picture.save(file, "PNG", compress_level=3)  # pixels alone: no recipe, no profile, no date
    keep(name, file.getvalue())
    return name


def is_picture_name(name: object) -> bool:
    """Whether this is a name that a study gives; only such may become part of a path."""
    return isinstance(name, str) and re.fullmatch(r"[0-9a-f]{24}\.png", name) is not None
