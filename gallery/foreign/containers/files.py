"""Picture files of any kind that is read, by their first bytes."""

from pathlib import Path

from gallery.errors import UnreadableImage
from gallery.foreign.containers import jpeg, png, webp
from gallery.foreign.containers.texts import Texts

MOST_FILE_BYTES = 300 << 20


def bytes_of(source: Path | bytes) -> bytes:
    """The bytes of a picture file.

    Raises:
        UnreadableImage: the file cannot be read, or is larger than a picture can be.
    """
    if isinstance(source, bytes):
        return source
    try:
        if not source.is_file():
            raise UnreadableImage(
                f"Recipes are read from picture files; {source} is none. Check its place and its name."
            )
        with source.open("rb") as file:
            data = file.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise UnreadableImage(f"{source} cannot be read: {error.strerror}. Check its place and its rights.") from None
    if len(data) > MOST_FILE_BYTES:
        raise UnreadableImage(f"A picture may have {MOST_FILE_BYTES >> 20} MB; {source.name} has more.")
    return data


def texts_of(data: bytes, name: str) -> Texts:
    """The texts of a PNG, JPEG or WebP file; where the file is damaged, those that stand before the damage.

    Raises:
        UnreadableImage: the bytes are none of these.
    """
    texts = Texts()
    if data.startswith(png.SIGNATURE):
        png.read(data, texts)
    elif data.startswith(jpeg.SIGNATURE):
        jpeg.read(data, texts)
    elif webp.is_webp(data):
        webp.read(data, texts)
    else:
        what = "is empty" if not data else "is none of these"
        raise UnreadableImage(f"Recipes are read from PNG, JPEG and WebP pictures; {name} {what}.")
    return texts
