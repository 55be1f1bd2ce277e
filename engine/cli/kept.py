"""Files and pictures of the gallery that a command begins with."""

from pathlib import Path

from engine.errors import NotFound, PhotoRefused
from engine.files import read_plain
from engine.kept_photos import PhotoRef
from engine.safety.photos import MOST_BYTES
from engine.studio import Studio
from gallery.ids import is_id


def kept_file(studio: Studio, file: Path) -> PhotoRef:
    """Keep a picture file. Raises StudioError where it cannot be read or used."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise PhotoRefused(f"A photo's file may have {MOST_BYTES / 1e6:.0f} MB; {file.name} has more.")
        return studio.add_photo(read_plain(file, MOST_BYTES + 1), file.name)
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}. Check its place and its name.") from None


def kept_picture(studio: Studio, named: str) -> PhotoRef:
    """Keep a picture that is named by its file, or by its id in the gallery. Raises StudioError or GalleryError."""
    if is_id(named) and not Path(named).exists():
        return studio.start_from(named)
    return kept_file(studio, Path(named))
