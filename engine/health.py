"""What keeps the studio from working as it should, in words, for as long as it lasts."""

import logging
import os
import threading
from pathlib import Path

from engine.jobs.space import require_space
from engine.settings import Settings
from gallery.errors import GalleryError, StorageFull, storage_gone, storage_read_only
from gallery.store import Gallery

log = logging.getLogger(__name__)

FEW = 3  # files without a row that a killed save may leave
SHARE = 0.05


class Health:
    """Of one studio; cheap enough to ask every few seconds."""

    def __init__(self, settings: Settings, gallery: Gallery):
        self._settings = settings
        self._gallery = gallery
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._unlisted = 0

    def troubles(self) -> list[str]:
        """Everything that is wrong now, for people; empty when all is well."""
        home, database = self._settings.home, self._gallery.database.file
        gone = next((path for path in (home, database) if path and not path.exists()), None)
        if gone:
            return [str(storage_gone(gone))]
        return [text for text in (_read_only(home), _full(home), self.lost_pictures()) if text]

    def lost_pictures(self) -> str:
        """Said where many pictures lie in the folder without being in the gallery; else empty."""
        count = self.unlisted()
        if not count:
            return ""
        return (
            f"{count} pictures lie in {self._gallery.files.images}, but the gallery's database does not know them: "
            "it was deleted, or it is another one. They are safe. Stop the studio and run `python -m engine gallery "
            "check --rebuild`: it takes these pictures in again with their recipes, and the jobs of the snapshots. "
            "What is damaged or has no recipe it names and leaves; `gallery check --set-aside` moves that to a folder "
            "of its own, and this is no longer said."
        )

    def unlisted(self) -> int:
        """How many pictures the database does not know; 0 where they are few beside those it knows."""
        with self._lock:
            try:
                version = self._gallery.database.data_version()
                if self._seen is None or (self._unlisted and version != self._seen):
                    self._seen, self._unlisted = version, self._count()
            except (GalleryError, OSError):  # said by whoever needs the database or the folder
                log.debug("pictures without a row cannot be counted now", exc_info=True)
            return self._unlisted

    def look_again(self) -> None:
        """Count anew at the next question: this process changed the gallery itself."""
        self._seen = None

    def _count(self) -> int:
        count = self._gallery.count_unlisted()
        known = self._gallery.count() + self._gallery.count(trash=True) if count else 0
        return count if count > (max(FEW, known * SHARE) if known else 0) else 0


def _read_only(home: Path) -> str:
    if os.access(home, os.W_OK):
        return ""
    return f"{storage_read_only(home)} What was made before can be looked at."


def _full(home: Path) -> str:
    try:
        require_space(home)
    except StorageFull as error:
        return str(error)
    except OSError:
        log.debug("the free space of %s cannot be read", home, exc_info=True)
    return ""
