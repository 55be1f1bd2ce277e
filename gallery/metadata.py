"""Pictures as bytes that carry their recipe, and the way back: PNG, JPEG and WebP.

PNG: text `parameters` (what other tools read), `studio_recipe` (JSON, complete) and
`studio_record` (JSON, which job's image it is, so that a database can be rebuilt from files).
JPEG: EXIF UserComment with the parameters, and the recipe's JSON in APP9 segments of our own,
since EXIF holds 64 KiB in all and other tools pass over APP segments that they do not know.
Comment segments they do not: SD Prompt Reader 1.3.5 takes any for the recipe of another tool.
WebP: EXIF as in JPEG, and the recipe's JSON in the XMP packet, which has no limit there.
All: the mark of how the picture came to be, and whose the photo was that it began with, as XMP.
"""

import io
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gallery.errors import ImageRefused, UnreadableImage
from gallery.infotext import format_parameters
from gallery.recipe import Recipe
from gallery.words import TRAINED, Parameters
from gallery.xmp import PNG_KEYWORD, digital_source_in, marks_in, packet, recipe_in

FORMATS = ("PNG", "JPEG", "WEBP")
MODES = ("RGB", "RGBA", "L")
PNG_LEVEL = 4  # of 9; half the time of the usual 6 for 4 % larger files (measured on painted landscapes)
MAX_SIDE = 16_383  # WebP, in which everything can be exported, holds no more
MAX_PIXELS = 2**26  # 67 million, 200 MB when opened; from 89 million on Pillow takes a file for a decompression bomb
MOST_IN_WORDS = f"{MAX_PIXELS / 1e6:.0f} million pixels and {MAX_SIDE:,} on a side"
MAX_TEXT = 1 << 20  # bytes of recipe that are read back; a real one has a few thousand
MAX_PARAMETERS = 30_000  # characters; two bytes each must fit the 64 KiB of an EXIF block
_RECIPE_SEGMENT, _RECIPE_MARK = b"\xff\xe9", b"niji-studio\0recipe\0"  # APP9, which no standard uses
_COMMENT_MARK = b"studio_recipe:"  # in comment segments: files of earlier versions
_PIECE = 60_000  # bytes; a segment has up to 65,533


def png_bytes(
    image: Image.Image,
    recipe: Recipe,
    record: Mapping[str, Any] | None = None,
    parameters: Parameters | None = None,
    digital_source: str = TRAINED,
    rights: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """Encode a picture as PNG together with its recipe, its mark, and what other tools read, if there is anything.

    Raises:
        ImageRefused: a colour mode or size that the gallery does not keep.
    """
    texts = PngInfo()
    if parameters:
        texts.add_text("parameters", format_parameters(parameters))
    texts.add_text("studio_recipe", recipe.to_json())
    if record:
        texts.add_text("studio_record", json.dumps(record))
    if digital_source or rights:
        texts.add_itxt(PNG_KEYWORD, packet(digital_source, rights))  # Pillow writes no `xmp=` into PNG
    buffer = io.BytesIO()
    _clean(image).save(buffer, "PNG", pnginfo=texts, compress_level=PNG_LEVEL)
    return buffer.getvalue()


def jpeg_bytes(
    image: Image.Image,
    recipe: Recipe,
    quality: int = 92,
    parameters: Parameters | None = None,
    digital_source: str = TRAINED,
    rights: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """Encode a picture as JPEG together with its recipe, as `png_bytes` does; transparency becomes white.

    Raises:
        ImageRefused: a colour mode or size that the gallery does not keep, or a wrong quality.
    """
    if not 1 <= quality <= 95:
        raise ImageRefused(f"JPEG quality must be from 1 to 95; got {quality}. 92 is a good choice.")
    picture = _opaque(_clean(image))
    buffer = io.BytesIO()
    exif = _exif(parameters)
    subsampling = 0 if quality >= 90 else 2  # anime line art smears with halved colour resolution
    xmp = packet(digital_source, rights).encode() if digital_source or rights else b""
    picture.save(buffer, "JPEG", quality=quality, subsampling=subsampling, exif=exif, xmp=xmp)
    return _with_recipe(buffer.getvalue(), recipe.to_json())


def webp_bytes(
    image: Image.Image,
    recipe: Recipe,
    quality: int = 92,
    parameters: Parameters | None = None,
    digital_source: str = TRAINED,
    rights: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """Encode a picture as WebP together with its recipe, as `png_bytes` does; transparency is kept.

    Raises:
        ImageRefused: a colour mode or size that the gallery does not keep, or a wrong quality.
    """
    if not 1 <= quality <= 100:
        raise ImageRefused(f"WebP quality must be from 1 to 100; got {quality}. 92 is a good choice.")
    buffer = io.BytesIO()
    xmp = packet(digital_source, rights, json.dumps(recipe.to_dict())).encode()
    _clean(image).save(buffer, "WEBP", quality=quality, exif=_exif(parameters), xmp=xmp)
    return buffer.getvalue()


def can_keep(width: int, height: int) -> bool:
    """Whether a picture of that size is not too large for the gallery: `MAX_SIDE` and `MAX_PIXELS`."""
    return max(width, height) <= MAX_SIDE and width * height <= MAX_PIXELS


def read_recipe(source: Path | str | bytes) -> Recipe | None:
    """The recipe that a PNG, JPEG or WebP of this studio carries; None where it carries none.

    Raises:
        UnreadableImage: the source is no PNG, JPEG or WebP, or cannot be opened.
    """
    with _opened(source) as image:
        text = _recipe_text(image)
    try:
        return Recipe.from_json(text) if 0 < len(text) <= MAX_TEXT else None
    except ValueError:
        return None


def read_record(source: Path | str | bytes) -> dict[str, Any]:
    """Which job's image a PNG of this studio is: `job_id` and `job_index`, where known.

    Raises:
        UnreadableImage: the source is no PNG, JPEG or WebP, or cannot be opened.
    """
    with _opened(source) as image:
        text = image.info.get("studio_record")
    try:
        values = json.loads(text) if isinstance(text, str) and len(text) < 1000 else {}
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def read_digital_source(source: Path | str | bytes) -> str:
    """How the picture came to be, as its mark says: one of the IPTC's news codes; empty where there is no mark.

    Raises:
        UnreadableImage: the source is no PNG, JPEG or WebP, or cannot be opened.
    """
    with _opened(source) as image:
        return digital_source_in(xmp_of(image))


def read_marks(source: Path | str | bytes) -> dict[str, list[str]]:
    """How a picture came to be and whose it is, as its XMP packet says; see `gallery.xmp.marks_in`.

    Raises:
        UnreadableImage: the source is no PNG, JPEG or WebP, or cannot be opened.
    """
    with _opened(source) as image:
        return marks_in(xmp_of(image))


def xmp_of(image: Image.Image) -> str:
    """The XMP packet of an opened picture; empty where it has none."""
    found = image.info.get(PNG_KEYWORD) or image.info.get("xmp") or ""
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


def _clean(image: Image.Image) -> Image.Image:
    """The pixels alone: no colour profile, comment or EXIF that came with the picture."""
    if image.mode not in MODES:
        raise ImageRefused(f"The gallery keeps images of mode {', '.join(MODES)}; got {image.mode}. Convert it to RGB.")
    if min(image.size) < 1 or not can_keep(*image.size):
        raise ImageRefused(
            f"The gallery keeps images of 1 pixel to {MOST_IN_WORDS}; got {image.width}x{image.height}. Resize it."
        )
    copy = image.copy()
    copy.info = {}
    return copy


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _exif(parameters: Parameters | None) -> bytes:
    text = format_parameters(parameters, MAX_PARAMETERS) if parameters else ""
    return _exif_user_comment(text) if text else b""


def _exif_user_comment(text: str) -> bytes:
    """An EXIF block with one entry, UserComment, exactly as A1111 writes and reads it.

    Built by hand because Pillow would store the tag as BYTE, which A1111 fails on.
    """
    comment = b"UNICODE\0" + text.encode("utf-16-be", "replace")
    header = b"MM\0\x2a" + struct.pack(">I", 8)
    after_ifd = len(header) + 2 + 12 + 4
    ifd0 = struct.pack(">HHHIII", 1, 0x8769, 4, 1, after_ifd, 0)
    exif_ifd = struct.pack(">HHHIII", 1, 0x9286, 7, len(comment), after_ifd + 18, 0)
    return b"Exif\0\0" + header + ifd0 + exif_ifd + comment


def _with_recipe(jpeg: bytes, recipe: str) -> bytes:
    """Insert the recipe, as plain ASCII JSON, in segments behind those of other tools."""
    at = 2
    while jpeg[at] == 0xFF and 0xE0 <= jpeg[at + 1] <= 0xEF:
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    data = json.dumps(json.loads(recipe)).encode("ascii")
    pieces = [_RECIPE_MARK + data[i : i + _PIECE] for i in range(0, len(data), _PIECE)]
    segments = b"".join(_RECIPE_SEGMENT + struct.pack(">H", len(piece) + 2) + piece for piece in pieces)
    return jpeg[:at] + segments + jpeg[at:]


def _opened(source: Path | str | bytes) -> Image.Image:
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        return Image.open(file, formats=FORMATS)
    except Exception as error:  # Pillow raises many kinds on hostile files, SyntaxError among them
        name = "these bytes" if isinstance(source, bytes) else Path(source).name
        raise UnreadableImage(f"Only PNG, JPEG and WebP pictures can be read; {name}: {error}") from error


def _recipe_text(image: Image.Image) -> str:
    if image.format == "PNG":
        text = image.info.get("studio_recipe", "")
        return text if isinstance(text, str) else ""
    if image.format == "WEBP":
        return recipe_in(xmp_of(image))
    return recipe_in_segments(getattr(image, "applist", []))


def recipe_in_segments(segments: Iterable[tuple[str, bytes]]) -> str:
    """The recipe's JSON in a JPEG's segments, which are named as Pillow names them; empty where none holds one."""
    segments = list(segments)
    for kind, mark in (("APP9", _RECIPE_MARK), ("COM", _COMMENT_MARK)):
        ours = [data.removeprefix(mark) for name, data in segments if name == kind and data.startswith(mark)]
        if ours:
            return b"".join(ours).decode("utf-8", "replace")
    return ""
