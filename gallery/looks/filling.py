"""Hash, colours and features of pictures: of new ones while they are saved, of earlier ones in the upkeep."""

import io
import logging
import time
from typing import TYPE_CHECKING, Any

from PIL import Image as Pictures
from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import Session

from gallery import thumbnails
from gallery.errors import GalleryError
from gallery.ids import is_id
from gallery.schema import Image, ImageFeatures

if TYPE_CHECKING:
    from gallery.store import Gallery

log = logging.getLogger(__name__)

_BATCH = 20
_LEAST_PAUSE_SECONDS = 0.02
MOST = 50_000  # of one upkeep
LAST = 2**63 - 1
_UNREADABLE: dict[str, Any] = {"phash": None, "colours": "", "features": b""}


def looks_of(picture: Pictures.Image) -> dict[str, Any]:
    """What a picture's row has of it, and its features; empty where that cannot be said, which is no reason to lose it.

    Returns:
        `phash`, `colours` and `features` (bytes).
    """
    try:
        from gallery.looks.colours import as_text, main_colours  # numpy: only where pictures are made
        from gallery.looks.features import features
        from gallery.looks.hashing import phash

        colours = as_text(main_colours(picture))
        return {"phash": phash(picture), "colours": colours, "features": features(picture).tobytes()}
    except Exception:  # whatever it is, the picture itself is sound
        log.exception("what a picture looks like could not be computed")
        return dict(_UNREADABLE)


def fill(gallery: "Gallery", most: int = MOST) -> int:
    """Look at pictures that nobody has looked at yet, newest first; returns how many.

    After each few it rests as long as they took: a thousand pictures are about ten seconds of work, and the pages of
    the same process go first.

    One that cannot be read is looked at once; its file is said wherever the picture is shown. One whose file is away
    is looked at when it is there again.
    """
    if not gallery.files.marker.is_file():
        return 0  # an empty mount point instead of the disk: every picture would be written down as unreadable
    done, before = 0, LAST
    while done < most and before > 0:
        began = time.monotonic()
        with gallery.database.read() as session:
            some = _unseen(session, before, min(_BATCH, most - done))
        if not some:
            break
        looks_by_id = {image_id: _look(gallery, image_id) for _, image_id in some}
        seen = {image_id: looks for image_id, looks in looks_by_id.items() if looks is not None}
        with gallery.database.write() as session:
            for image_id, looks in seen.items():
                _note(session, image_id, looks)
        done += len(seen)
        before = min((number for number, _ in some if number > 0), default=0)  # damaged ones, read as 0, are the last
        time.sleep(max(_LEAST_PAUSE_SECONDS, time.monotonic() - began))
    return done


def _unseen(session: Session, before: int, most: int) -> list[tuple[int, str]]:
    """Number and id of some; those from `before` on were met already, and are not searched again."""
    known = exists().where(ImageFeatures.image_id == Image.id)
    unseen = select(Image.number, Image.id).where(~known, Image.number < before).order_by(Image.number.desc())
    return [(row.number, row.id) for row in session.execute(unseen.limit(most))]


def _note(session: Session, image_id: str, looks: dict[str, Any]) -> None:
    """Write down what is not known yet; another process may have looked at it too, or removed it for good."""
    if session.scalar(select(Image.id).where(Image.id == image_id).with_for_update()) is None:
        return
    first = update(Image).where(Image.id == image_id, Image.colours.is_(None))
    session.execute(first.values(phash=looks["phash"], colours=looks["colours"]))
    if session.get(ImageFeatures, image_id) is None:
        session.execute(insert(ImageFeatures).values(image_id=image_id, features=looks["features"]))


def _look(gallery: "Gallery", image_id: str) -> dict[str, Any] | None:
    """By the small picture, which is there mostly and says the same, but for a few bits; None where no file is."""
    try:
        # Its row is read only where the small picture must be made, also for one that was cut short.
        data = thumbnails.read(gallery.files, image_id) or gallery.thumbnail(image_id)
        with Pictures.open(io.BytesIO(data), formats=("WEBP",)) as small:
            return looks_of(small.convert("RGBA" if small.has_transparency_data else "RGB"))
    except (GalleryError, OSError):
        return None if is_id(image_id) and gallery.files.locate(image_id) is None else dict(_UNREADABLE)
