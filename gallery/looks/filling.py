"""Hash and colours of pictures: of new ones while they are saved, of earlier ones in the upkeep."""

import io
import logging
import time
from typing import TYPE_CHECKING, Any

from PIL import Image as Pictures
from sqlalchemy import select, update

from gallery.errors import GalleryError
from gallery.schema import Image

if TYPE_CHECKING:
    from gallery.store import Gallery

log = logging.getLogger(__name__)

_BATCH = 20
_LEAST_PAUSE_SECONDS = 0.02
MOST = 50_000  # of one upkeep


def looks_of(picture: Pictures.Image) -> dict[str, Any]:
    """The columns of a picture; empty texts where that cannot be said, which is no reason to lose it."""
    try:
        from gallery.looks.colours import as_text, main_colours  # numpy: only where pictures are made
        from gallery.looks.hashing import phash

        return {"phash": phash(picture), "colours": as_text(main_colours(picture))}
    except Exception:  # whatever it is, the picture itself is sound
        log.exception("a picture's hash and colours could not be computed")
        return {"phash": None, "colours": ""}


def fill(gallery: "Gallery", most: int = MOST) -> int:
    """Look at pictures that nobody has looked at yet, newest first; returns how many.

    After each few it rests as long as they took: a thousand pictures are about ten seconds of work, and the pages of
    the same process go first.

    One that cannot be read is looked at once; its file is said wherever the picture is shown.
    """
    done = 0
    while done < most:
        began = time.monotonic()
        with gallery.database.read() as session:
            unseen = select(Image.id).where(Image.colours.is_(None)).order_by(Image.number.desc())
            ids = list(session.scalars(unseen.limit(min(_BATCH, most - done))))
        if not ids:
            break
        seen = {image_id: _look(gallery, image_id) for image_id in ids}
        with gallery.database.write() as session:
            for image_id, values in seen.items():
                session.execute(update(Image).where(Image.id == image_id).values(values))
        done += len(ids)
        time.sleep(max(_LEAST_PAUSE_SECONDS, time.monotonic() - began))
    return done


def _look(gallery: "Gallery", image_id: str) -> dict[str, Any]:
    """By the small picture, which is there mostly and says the same, but for a few bits."""
    try:
        made = gallery.files.thumbnail(image_id)
        data = made.read_bytes() if made.exists() else gallery.thumbnail(image_id)  # its row is read only to make it
        with Pictures.open(io.BytesIO(data), formats=("WEBP",)) as small:
            return looks_of(small.convert("RGBA" if small.has_transparency_data else "RGB"))
    except (GalleryError, OSError):
        return {"phash": None, "colours": ""}
