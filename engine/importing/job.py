"""Imports: each file read, decoded behind the gate and kept with its tool's recipe; a stopped one goes on."""

import io
import shutil
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from PIL import Image
from sqlalchemy.orm import Session

from engine.errors import Cancelled, NotFound, UnsafeFile
from engine.files import read_plain
from engine.importing.listing import Listed, listed
from engine.importing.report import Report, report_file, written
from engine.importing.request import Import
from engine.jobs.context import JobContext
from engine.jobs.queue import JobQueue
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.picture_files import FORMATS, rgb_image
from engine.picture_gate import Decoded, Refused, Rules, decoded
from engine.settings import Settings
from gallery.errors import GalleryError, UnreadableImage
from gallery.files import sha256
from gallery.foreign.adopting import Found, adopt, fits, known_files, with_recipe
from gallery.foreign.imported import Origin, describe, imported_recipe
from gallery.foreign.reading import read_foreign
from gallery.metadata import MAX_PIXELS, MOST_IN_WORDS, can_keep, png_bytes, read_recipe
from gallery.recipe import Recipe
from gallery.store import Gallery

MOST_BYTES = 300 * 2**20  # of a file
AT_ONCE = 32  # files of one transaction
OPENED_AT_ONCE = 2  # as many as the gate lets in
RULES = Rules(FORMATS, MAX_PIXELS)
_END = b"\0\0\0\0IEND\xaeB`\x82"


class Importing:
    """Runs imports."""

    def __init__(self, settings: Settings, queue: JobQueue, gallery: Gallery):
        self._settings = settings
        self._queue = queue
        self._gallery = gallery

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What this can do."""
        return {Import.kind: self.bring_in}

    def bring_in(self, context: JobContext) -> None:
        """Bring in what is not in the gallery yet."""
        request: Import = context.request
        place = request.place(self._settings.home)
        context.report("Looking through the folder")
        try:
            found = listed(place, request.recursive)
        except OSError as error:
            raise NotFound(f"The folder {place} cannot be read: {error.strerror}. Check its path and rights.") from None
        report = Report(others=found.others, refused=dict.fromkeys(found.outside, "leads out of the folder."))
        self._take(context, place.resolve(), found, report)
        for sentence in report.sentences():
            context.note(sentence)
        self._gallery.files.write(report_file(self._settings.home, context.job.id), written(report))
        context.report("Done", len(found.pictures), len(found.pictures))
        self._queue.succeed(context.claim, context.progress)
        if request.upload:
            shutil.rmtree(place, ignore_errors=True)

    def _take(self, context: JobContext, root: Path, found: Listed, report: Report) -> None:
        """Some files at a time: opened side by side, then kept in one transaction; a stop loses at most those."""
        known = known_files(self._gallery, context.job.owner)
        pictures, done = found.pictures, 0
        pool = ThreadPoolExecutor(OPENED_AT_ONCE)
        try:
            for first in range(0, len(pictures), AT_ONCE):
                names = [str(path.relative_to(root)) for path in pictures[first : first + AT_ONCE]]
                batch: dict[str, Found] = {}
                for name, opened in zip(names, pool.map(partial(_opened, root, known), names), strict=True):
                    if context.should_stop():
                        self._save(context, batch, known, report)
                        raise Cancelled("Stopped; what was brought in stays.")
                    done += 1
                    _sort_in(name, opened, batch, report)
                    context.report(f"Picture {done} of {len(pictures)}", done, len(pictures))
                self._save(context, batch, known, report)
        finally:
            pool.shutdown(cancel_futures=True)

    def _save(self, context: JobContext, batch: dict[str, Found], known: set[str], report: Report) -> None:
        if not batch:
            return
        require_space(self._settings.home)

        def recorded(session: Session) -> None:
            self._queue.record(session, context.claim, context.progress, last=False)

        adopt(self._gallery, list(batch.values()), context.job.owner, recorded)
        known.update(batch)
        report.taken += len(batch)
        report.with_recipe += sum(bool(each.recipe.request.get("tool", True)) for each in batch.values())


def _opened(root: Path, known: set[str], name: str) -> tuple[str, Found] | str | None:
    """A file's hash and what the gallery keeps of it; why it cannot be brought in; or None where it is there."""
    try:
        return taken(root / name, name, known)
    except (Refused, UnreadableImage, UnsafeFile, OSError) as error:
        return _why(error, name)


def _sort_in(name: str, opened: tuple[str, Found] | str | None, batch: dict[str, Found], report: Report) -> None:
    if isinstance(opened, str):
        report.refused[name] = opened
    elif opened is None or opened[0] in batch:
        report.known += 1
    else:
        batch[opened[0]] = opened[1]


def taken(path: Path, name: str, known: Collection[str]) -> tuple[str, Found] | None:
    """A file's SHA-256 and how the gallery keeps it; None where it is known already.

    Raises:
        Refused, UnsafeFile, OSError: it cannot be brought in; the words follow its name.
    """
    data = read_plain(path, MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Refused("too_large", f"has more than {MOST_BYTES / 1e6:.0f} MB.")
    digest = sha256(data)
    if digest in known:
        return None
    picture = decoded(data, RULES, "rgb")
    if not can_keep(picture.width, picture.height):
        raise Refused("too_large", f"has {picture.width}x{picture.height} pixels; {MOST_IN_WORDS} are the most.")
    return digest, _kept(data, picture, name, digest, path.stat().st_mtime)


def _kept(data: bytes, picture: Decoded, name: str, digest: str, modified: float) -> Found:
    pixels = rgb_image(picture)
    if own := _own_recipe(data):
        return Found(data, own, pixels)
    foreign = None
    with suppress(UnreadableImage):  # the picture is sound; only what is written beside it is not
        foreign = read_foreign(data)
    format = _format_of(data)
    if _as_it_is(data):
        recipe = imported_recipe(foreign, Origin(name, digest, format, modified, as_it_is=True))
        if _sound(file := with_recipe(data, recipe), recipe):
            return Found(file, recipe, pixels)
    origin = Origin(name, digest, format, modified, as_it_is=False)
    note = f"Written anew as a PNG of 8 bits in sRGB without transparency; the file that was brought in is a {format}."
    recipe = imported_recipe(foreign, origin, (note,))
    words = describe(recipe)
    return Found(png_bytes(pixels, recipe, None, words.parameters, words.digital_source), recipe, pixels)


def _own_recipe(data: bytes) -> Recipe | None:
    """Of a PNG of this studio, which is kept as it is with the kind that made it."""
    with suppress(UnreadableImage):
        if data.endswith(_END) and _format_of(data) == "PNG" and (recipe := read_recipe(data)):
            return recipe if _sound(data, recipe) else None
    return None


def _as_it_is(data: bytes) -> bool:
    return fits(data) and data.endswith(_END) and b"eXIf" not in data


def _sound(file: bytes, recipe: Recipe) -> bool:
    """Whether the gallery could make a row of this file again: the recipe stands in it, and each checksum is right."""
    try:
        with Image.open(io.BytesIO(file), formats=("PNG",)) as image:
            image.verify()
        kept = read_recipe(file)
    except (GalleryError, OSError, SyntaxError, ValueError):
        return False
    return kept is not None and kept.to_json() == recipe.to_json()


def _format_of(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "PNG"
    return "JPEG" if data.startswith(b"\xff\xd8") else "WEBP"


def _why(error: Exception, name: str) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}."
    return str(error).removeprefix(name).strip()
