"""The gate for photos: what an artist uploads becomes a plain PNG, or a sentence about why it does not."""

from dataclasses import dataclass

from engine.errors import PhotoRefused
from engine.picture_files import FORMATS
from engine.picture_gate import Refused, Rules, decoded

MOST_BYTES = 62_000_000  # a little less than the pages' limit in .streamlit/config.toml
MOST_PIXELS = 60_000_000  # 24 megapixels are common
PHOTO = Rules((*FORMATS, "HEIF"), MOST_PIXELS, smallest_side=16)


@dataclass(frozen=True, slots=True)
class PlainPhoto:
    """An upright 8-bit RGB picture in sRGB without metadata but marks and rights.

    Attributes:
        png: the file's bytes.
        width, height: pixels.
    """

    png: bytes
    width: int
    height: int


def plain_photo(data: bytes, name: str) -> PlainPhoto:
    """Decode a picture file in a process of its own.

    Args:
        data: the file's bytes: PNG, JPEG, WebP or HEIC.
        name: what messages call it.

    Raises:
        PhotoRefused: with the reason and what to do.
    """
    if not data:
        raise PhotoRefused(f"{name} is empty. Copy it again.")
    if len(data) > MOST_BYTES:
        raise PhotoRefused(
            f"A photo's file may have {MOST_BYTES / 1e6:.0f} MB; {name} has {len(data) / 1e6:.0f}. Make it smaller."
        )
    try:
        photo = decoded(data, PHOTO, "png")
    except Refused as error:
        raise PhotoRefused(f"{name} {error}") from None
    return PlainPhoto(photo.data, photo.width, photo.height)
