"""What takes how much disk, and what of it can be cleared without losing anything that an artist made.

The trash is the exception: what is cleared there is gone, so every face asks a second time.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from engine import leftovers, prepared
from engine.errors import NotFound
from engine.jobs.queue import JobQueue
from engine.leftovers import ASKED_GRACE_SECONDS
from engine.settings import Settings
from gallery.errors import storage_error
from gallery.mending import repair
from gallery.schema import Image
from gallery.store import Gallery

TRASH = "trash"


@dataclass(frozen=True, slots=True)
class Usage:
    """What one kind of things takes.

    Attributes:
        kind: by which it is asked for.
        title, about: in words.
        size_bytes: on disk.
        clearable_bytes: of these, what `clear` would remove now, by an estimate; 0 where nothing can go.
        final: whether what is cleared was an artist's work, so that a person must be asked twice.
    """

    kind: str
    title: str
    about: str
    size_bytes: int
    clearable_bytes: int = 0
    final: bool = False


class Storage:
    """Of one studio's folder."""

    def __init__(self, settings: Settings, gallery: Gallery, queue: JobQueue):
        self._settings = settings
        self._gallery = gallery
        self._queue = queue

    def usage(self) -> list[Usage]:
        """Everything that takes room, the artist's own work first."""
        home, trash = self._settings.home, self._trash_bytes()
        photos, archives = self._unused(leftovers.unused_photos), self._unused(leftovers.unused_archives)
        aside, half = size_of(*self._set_aside()), size_of(*self._idle_prepared())
        own_loras, _ = self._settings.lora_folders
        own = (own_loras, *self._settings.embedding_folders, home / "weights", home / "explorers")
        old_logs = size_of(*_old_logs(home))
        caches = size_of(home / "thumbnails"), size_of(home / "previews")
        return [
            Usage("pictures", "Pictures", "in the gallery", max(size_of(home / "images") - trash, 0)),
            Usage(TRASH, "Trash", "deleted pictures, which can be restored", trash, trash, final=True),
            Usage("photos", "Photos", "that were translated; those that nothing names can go",
                  size_of(home / "photos"), photos),
            Usage("runs", "Trainings", "runs and evaluations",
                  size_of(home / "runs", home / "evaluations", home / "explorer-runs")),
            Usage("archives", "Data sets", "unpacked archives; what no training names can go, captions too",
                  size_of(home / "datasets"), archives, final=True),
            Usage("studies", "Studies", "opinion studies with their pictures and answers", size_of(home / "studies")),
            Usage("prepared", "Prepared", "for jobs that are just being asked for", size_of(home / "prepared"), half),
            Usage("models", "Models", "your own LoRAs, embeddings, weights and networks to explore", size_of(*own)),
            Usage("thumbnails", "Thumbnails", "small pictures; they are made again", caches[0], caches[0]),
            Usage("compiled", "Ready for OpenVINO", "models in the form that draws quicker; they are made again",
                  *(size_of(home / "compiled"),) * 2),
            Usage("previews", "Previews", "of running jobs", caches[1], 0),
            Usage("reproductions", "Reproductions", "pictures that were made again to compare; they go after a week",
                  *(size_of(home / "reproductions"),) * 2),
            Usage("imports", "Brought in", "uploads on their way into the gallery, and reports; they go after a week",
                  size_of(home / "imports")),
            Usage("database", "Database", "pictures' recipes and jobs", size_of(*self._database_files())),
            Usage("backups", "Backups", "the last ten snapshots of the database", size_of(home / "backups")),
            Usage("damaged", "Databases set aside", "replaced by a repair or a restored snapshot", aside, aside, True),
            Usage("set-aside", "Pictures set aside", "that the gallery could not take in", size_of(home / "set-aside")),
            Usage("logs", "Logs", "of the worker; older parts can go", size_of(home / "logs"), old_logs),
        ]  # fmt: skip

    def clear(self, kind: str) -> int:
        """Remove what of a kind can go; returns the bytes.

        Raises:
            NotFound: nothing of that kind can be cleared.
            StorageFailed: the disk or database did not take it.
        """
        ways = self._ways()
        if kind not in ways:
            raise NotFound(f"What can be cleared is one of {', '.join(ways)}; got {kind!r}.")
        return ways[kind]()

    @property
    def clearable(self) -> tuple[str, ...]:
        """Kinds of which something can be cleared at times."""
        return tuple(self._ways())

    def _ways(self) -> dict[str, Callable[[], int]]:
        home = self._settings.home
        return {
            TRASH: self._empty_trash,
            "photos": lambda: self._sweep(leftovers.unused_photos),
            "archives": lambda: self._sweep(leftovers.unused_archives),
            "prepared": self._sweep_prepared,
            "thumbnails": lambda: _remove(home / "thumbnails"),
            "compiled": lambda: _remove(home / "compiled"),
            "reproductions": lambda: _remove(home / "reproductions"),
            "damaged": lambda: _remove(*self._set_aside()),
            "logs": lambda: _remove(*_old_logs(home)),
        }

    def _empty_trash(self) -> int:
        size = self._trash_bytes()
        self._gallery.purge(0)
        return size - self._trash_bytes()

    def _trash_bytes(self) -> int:
        """Added here: the database would add what is no number, too."""
        with self._gallery.database.read() as session:
            sizes = session.scalars(select(Image.size_bytes).where(Image.deleted_at.is_not(None)))
            return sum(max(size, 1) for size in sizes)  # a row whose size cannot be read is there all the same

    def _unused(self, find: Callable[[Gallery, Path], Iterator[leftovers.Leftover]]) -> int:
        """Bytes that `clear` would remove now."""
        try:
            found = list(find(self._gallery, self._settings.home))
        except OSError:  # a disk that is away may name all of it
            return 0
        old = time.time() - leftovers.ASKED_GRACE_SECONDS
        return sum(leftover.size_bytes for leftover in found if leftover.last_used <= old)

    def _sweep(self, find: Callable[[Gallery, Path], Iterator[leftovers.Leftover]]) -> int:
        try:
            found = list(find(self._gallery, self._settings.home))
        except OSError as error:
            raise storage_error(error, self._settings.home) from error
        return leftovers.remove(found, ASKED_GRACE_SECONDS)[1]

    def _idle_prepared(self) -> list[Path]:
        wanted = {place.name for place in self._queue.folders()}
        return [path for path in (self._settings.home / "prepared").glob("*") if path.name not in wanted]

    def _sweep_prepared(self) -> int:
        folder = self._settings.home / "prepared"
        before = size_of(folder)
        prepared.sweep(self._settings.home, self._queue.folders())
        return before - size_of(folder)

    def _database_files(self) -> list[Path]:
        file = self._gallery.database.file
        return repair.with_sidecars(file) if file else []

    def _set_aside(self) -> list[Path]:
        file = self._gallery.database.file
        return sorted(file.parent.glob(f"{file.name}.damaged-*")) if file else []


def size_of(*paths: Path) -> int:
    """Bytes of files and folders with everything in them; links are not followed, what cannot be read is left out."""
    return sum(_size(path) for path in paths)


def _size(path: Path) -> int:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            return sum(_size(Path(entry)) for entry in path.iterdir())
        return path.lstat().st_size
    return 0


def _old_logs(home: Path) -> Iterable[Path]:
    return (home / "logs").glob("*.log.*")


def _remove(*paths: Path) -> int:
    before = size_of(*paths)
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return before - size_of(*paths)
