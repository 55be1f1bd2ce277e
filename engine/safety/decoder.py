"""Turns a picture file of unknown origin into a plain one: `python -m engine.safety.decoder`.

Runs as a process of its own, with little memory and time, so that a file made to hurt a decoder hurts nothing
else. It reads the file from standard input and writes one line of JSON to standard output, then the picture as
PNG: upright, 8-bit RGB in sRGB, without any metadata.
"""

import io
import json
import sys
from contextlib import suppress
from typing import Any

from PIL import Image
from pillow_heif import register_heif_opener

from engine.picture_files import FORMATS as PICTURE_FORMATS
from engine.picture_files import plain

FORMATS = (*PICTURE_FORMATS, "HEIF")
KINDS = "PNG, JPEG, WebP or HEIC"
SMALLEST_SIDE = 16
MOST_PIXELS = 60_000_000  # 24 megapixels are common; decoding takes about 12 bytes a pixel
MEMORY_BYTES = 3_000_000_000
CPU_SECONDS = 60


class Refused(Exception):
    """Why the picture is not taken, in words that follow its name."""


def decode(data: bytes) -> Image.Image:
    """The picture in the bytes, upright, 8-bit RGB in sRGB.

    Raises:
        Refused: it is none, broken, too large, too small, or moves.
    """
    with _opened(data) as image:
        _check(image)
        try:
            image.load()
            return plain(image)
        except (OSError, ValueError, SyntaxError, MemoryError, EOFError) as error:
            raise Refused(f"is damaged or incomplete ({_words(error)}). Copy or save it again.") from None


def _opened(data: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # the rule below has its own number and words
    register_heif_opener()
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (OSError, ValueError, SyntaxError, MemoryError, EOFError):
        raise Refused(f"is not a {KINDS} picture. Save it as one of these.") from None


def _check(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise Refused(
            f"has {width}x{height} pixels, {width * height / 1e6:.0f} million; {MOST_PIXELS / 1e6:.0f} million are "
            "the most. Make it smaller."
        )
    if min(width, height) < SMALLEST_SIDE:
        raise Refused(f"has {width}x{height} pixels; both sides must have {SMALLEST_SIDE} or more.")
    frames = getattr(image, "n_frames", 1)
    # HEIC may hold a burst, a phone's JPEG (MPO) a depth or gain map; of these the main picture is opened.
    if frames > 1 and image.format not in ("HEIF", "MPO"):
        raise Refused(f"moves: it has {frames} pictures in it. Save one of them as a still picture.")


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _limit_resources() -> None:
    with suppress(ImportError, ValueError, OSError):  # Windows has none of these
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def main() -> None:
    """Decode standard input."""
    _limit_resources()
    answer: dict[str, Any]
    png = io.BytesIO()
    try:
        image = decode(sys.stdin.buffer.read())
        image.save(png, "PNG", compress_level=1)
        answer = {"width": image.width, "height": image.height}
    except Refused as error:
        answer = {"problem": str(error)}
    except MemoryError:
        answer = {"problem": "needs more memory to open than a photo may. Make it smaller."}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.write(b"" if "problem" in answer else png.getvalue())


if __name__ == "__main__":
    main()
