"""Small pictures for the gallery page: a cache that may vanish at any time."""

import io
from contextlib import suppress

from PIL import Image

from gallery.errors import GalleryError, ImageDamaged
from gallery.files import ImageFiles

SIDE = 384
MAX_BYTES = 60_000
_QUALITIES = (82, 70, 55, 40, 20, 5)


def encode(image: Image.Image) -> bytes:
    """WebP of at most 384 pixels a side and 60 kB."""
    small = image.convert("RGBA" if image.mode == "RGBA" else "RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=quality, alpha_quality=quality, method=4)
        if buffer.tell() <= MAX_BYTES:
            break
    return buffer.getvalue()


def read(files: ImageFiles, image_id: str) -> bytes | None:
    """The cached thumbnail; None if there is none or it was cut short."""
    with suppress(OSError):
        data = files.thumbnail(image_id).read_bytes()
        # RIFF states its own length, so a torn file shows without decoding it.
        if data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 == len(data):
            return data
    return None


def write(files: ImageFiles, image_id: str, image: Image.Image) -> bytes:
    """Make a thumbnail and keep it where that is possible; returns it in any case."""
    data = encode(image)
    with suppress(OSError, GalleryError):
        files.write(files.thumbnail(image_id), data, durable=False)
    return data


def _plain(image: Image.Image) -> Image.Image:
    """A picture of another tool may have a palette or one transparent colour; those of the studio never do."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.copy() if image.mode in ("RGB", "L") else image.convert("RGB")


def decode(png: bytes) -> Image.Image:
    """The pixels of a PNG whose checksum was right.

    Raises:
        ImageDamaged: it cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            image.load()
            return _plain(image)
    except Exception as error:
        raise ImageDamaged(f"The image cannot be decoded: {error}. Put its file back from a backup.") from error
