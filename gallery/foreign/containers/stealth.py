"""Texts hidden in the lowest bits of pixels, as NovelAI and the extensions called stealth PNG info write them.

Bits run down the columns: 15 bytes that name the kind, 32 bits with the length in bits, then the text, plain or
gzipped. Source: ashen-sensored/sd_webui_stealth_pnginfo; NovelAI/novelai-image-metadata.
"""

import io
import json
import zlib

from PIL import Image

from gallery.foreign.containers.texts import MOST_TEXT_BYTES, Texts, decode, inflated
from gallery.foreign.values import json_object

MOST_PIXELS = 25_000_000  # 100 MB when decoded; no tool draws larger pictures at once
_LOWEST = bytes(ord("0") + (value & 1) for value in range(256))
_HEAD = 15 * 8
_KINDS = {b"stealth_pnginfo": False, b"stealth_pngcomp": True, b"stealth_rgbinfo": False, b"stealth_rgbcomp": True}


def read(data: bytes, texts: Texts) -> None:
    """Add the hidden text of a picture, where there is one; JSON of NovelAI by its keys, others as `parameters`."""
    width, height = texts.size or (0, 0)
    if not 0 < width * height <= MOST_PIXELS:
        return
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "WEBP")) as image:
            if image.mode not in ("RGB", "RGBA") or image.size != (width, height):
                return
            hidden = next(filter(None, map(_hidden, _channels(image))), b"")
    except Exception:  # Pillow raises many kinds on hostile files; such a picture hides nothing that can be read
        return
    if not hidden:
        return
    text = decode(hidden)
    for key, value in json_object(text).items():
        texts.add(key, value if isinstance(value, str) else json.dumps(value))
    if not text.lstrip().startswith("{"):
        texts.add("parameters", text)


def _channels(image: Image.Image) -> list[bytes]:
    """The bytes whose lowest bits count, down the columns: alpha alone, or red, green and blue in turn."""
    turned = image.transpose(Image.Transpose.TRANSPOSE)
    alpha = [turned.getchannel("A").tobytes()] if image.mode == "RGBA" else []
    return [*alpha, turned.convert("RGB").tobytes()]


def _hidden(values: bytes) -> bytes | None:
    packed = _KINDS.get(_bytes(values, 0, _HEAD))
    if packed is None:
        return None
    size = int.from_bytes(_bytes(values, _HEAD, 32), "big")
    if size > 8 * MOST_TEXT_BYTES:
        return None
    raw = _bytes(values, _HEAD + 32, size // 8 * 8)
    return inflated(raw, wbits=zlib.MAX_WBITS | 16) if packed else raw


def _bytes(values: bytes, first: int, bits: int) -> bytes:
    digits = values[first : first + bits].translate(_LOWEST)
    return int(digits, 2).to_bytes(bits // 8, "big") if len(digits) == bits and bits else b""
