"""Turns picture files of unknown origin into plain ones: `python -m engine.safety.decoder`.

Runs as a process of its own, with little memory and time, so that a file made to hurt a decoder hurts nothing
else; `engine.picture_gate` starts it and talks with it. It reads request after request from standard input, each
eight bytes of length, JSON and a file, and writes eight bytes of length, JSON and a picture: upright, 8-bit RGB in
sRGB, without any metadata but the mark of how it came to be and whose it is, which are carried on.
"""

import io
import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any, BinaryIO

from PIL import Image
from pillow_heif import register_heif_opener

from engine.marked import carried_on, marks_of
from engine.picture_files import orientation, plain
from engine.picture_gate import Refused, Rules
from engine.safety.photos import PHOTO

MEMORY_BYTES = 3_000_000_000  # decoding takes about 12 bytes a pixel, conversions as much again
CPU_SECONDS = 60  # for one picture
IDLE_SECONDS = 120  # without a request; then it leaves, and the next one gets a new process
FINGERPRINT = (9, 8)  # pixels of "facts", see engine.datasets.fingerprints
_NOTHING: dict[str, Any] = {"width": 0, "height": 0, "stored": {}, "code": "", "problem": "", "values": {}}


def decode(data: bytes, rules: Rules = PHOTO) -> Image.Image:
    """The picture in the bytes, upright, 8-bit RGB in sRGB.

    Raises:
        Refused: it is none, broken, too large, too small, or moves.
    """
    with loaded(data, rules) as image:
        return in_words(lambda: plain(image))


def loaded(data: bytes, rules: Rules) -> Image.Image:
    """The picture as it is stored, all of it read. Raises as `decode`."""
    image = _opened(data, rules)
    _check(image, rules)
    in_words(image.load)
    return image


def in_words(work: Any) -> Any:
    """What some work on a picture's data gives. Raises Refused where they are broken."""
    try:
        return work()
    except MemoryError:
        raise
    except Exception as error:  # broken files fail in every way that a decoder knows
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise Refused("damaged", f"is damaged or incomplete ({why}). Copy or save it again.", why=why) from None


def _opened(data: bytes, rules: Rules) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # the rule below has its own number and words
    register_heif_opener()
    try:
        return Image.open(io.BytesIO(data), formats=rules.formats)
    except Exception:  # likewise
        kinds = ["HEIC" if name == "HEIF" else "WebP" if name == "WEBP" else name for name in rules.formats]
        words = f"{', '.join(kinds[:-1])} or {kinds[-1]}"
        raise Refused("format", f"is not a {words} picture. Save it as one of these.") from None


def _check(image: Image.Image, rules: Rules) -> None:
    """Judged by the header, before any pixel is decoded."""
    width, height = image.size
    size = {"width": width, "height": height}
    if width * height > rules.most_pixels:
        words = (
            f"has {width}x{height} pixels, {width * height / 1e6:.0f} million; {rules.most_pixels / 1e6:.0f} million "
            "are the most. Make it smaller."
        )
        raise Refused("too_large", words, **size)
    if min(width, height) < rules.smallest_side:
        words = f"has {width}x{height} pixels; both sides must have {rules.smallest_side} or more."
        raise Refused("too_small", words, **size)
    frames = in_words(lambda: getattr(image, "n_frames", 1))
    # HEIC may hold a burst, a phone's JPEG (MPO) a depth or gain map; of these the main picture is opened.
    if frames > 1 and image.format not in ("HEIF", "MPO"):
        words = f"moves: it has {frames} pictures in it. Save one of them as a still picture."
        raise Refused("moves", words, frames=frames)


# ---------------------------------------------------------------- requests and answers


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand between the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for who asks; the end of its requests ends this too
    _limit_memory()
    while head := _next(requests):
        request = json.loads(requests.read(int.from_bytes(head)))
        data = requests.read(request["size"])
        _limit_time()
        answer, payload = _answer(data, request)
        said = json.dumps(answer | {"size": len(payload)}).encode()
        answers.write(len(said).to_bytes(8) + said)
        answers.write(payload)
        answers.flush()


def _next(requests: BinaryIO) -> bytes:
    """The length of the next request; a process that nobody needs any more ends meanwhile."""
    if hasattr(signal, "alarm"):
        signal.alarm(IDLE_SECONDS)
    head = requests.read(8)
    if hasattr(signal, "alarm"):
        signal.alarm(0)
    return head


def _answer(data: bytes, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    rules = Rules(**request["rules"] | {"formats": tuple(request["rules"]["formats"])})
    try:
        return _described(loaded(data, rules), request["answer"], data)
    except Refused as error:
        return _NOTHING | {"problem": str(error), "code": error.code, "values": error.values}, b""
    except MemoryError:
        words = "needs more memory to open than a picture may. Make it smaller."
        return _NOTHING | {"problem": words, "code": "memory"}, b""


def _described(image: Image.Image, answer: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    picture = in_words(lambda: plain(image))
    said = _NOTHING | {"width": picture.width, "height": picture.height}
    if answer == "facts":
        said["stored"] = {
            "format": image.format,
            "mode": image.mode,
            "transparent": in_words(lambda: _is_transparent(image)),
            "turned": orientation(image) != 1,
        }
        return said, _patches(picture)
    if answer == "rgb":
        return said, picture.tobytes()
    png = io.BytesIO()
    picture.save(png, "PNG", compress_level=1, pnginfo=carried_on(marks_of(image, data)))
    return said, png.getvalue()


def _patches(picture: Image.Image) -> bytes:
    return picture.convert("L").resize(FINGERPRINT, Image.Resampling.LANCZOS, reducing_gap=3.0).tobytes()


def _is_transparent(image: Image.Image) -> bool:
    """Many pictures have an alpha channel that hides nothing."""
    if not image.has_transparency_data:
        return False
    opaque = image.convert("RGBA").getchannel("A").histogram()[255]
    return opaque < image.width * image.height


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):  # Windows has none of these
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _limit_time() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, most))


if __name__ == "__main__":
    main()
