"""How picture files become pixels: which files they are, and upright 8-bit RGB in sRGB of any of them. No torch."""

import io
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from engine.errors import NotFound, UnsafeFile
from engine.files import read_plain
from engine.picture_gate import Decoded, Refused, Rules, decoded

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp")
PHOTO_SUFFIXES = (*SUFFIXES, ".heic", ".heif")  # what phones write too; the gate of photos can open them
FORMATS = ("PNG", "JPEG", "WEBP")
ORIENTATION = 0x0112  # EXIF
_ANY = Rules(FORMATS, most_pixels=89_000_000)  # where Pillow begins to warn of decompression bombs
_MOST_BYTES = 300 * 2**20  # so many pixels of 24 bits, hardly compressed
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PNG, _PNG_BIT_DEPTH = b"\x89PNG\r\n\x1a\n", 24  # place of the byte: signature 8, chunk head 8, width and height 4 each
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of pixels, by the colour space of a profile


def pictures_in(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """The picture files directly in a folder, by name. Raises NotFound where there is none."""
    if not folder.is_dir():
        raise NotFound(f"Pictures are read from a folder; {folder} is none. Check its name.")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.name[0] != ".")
    if not found:
        raise NotFound(f"A folder of pictures must hold {', '.join(suffixes)} files; {folder} holds none.")
    return found


def pictures_below(folder: Path) -> list[Path]:
    """The pictures in a folder, or, where none is directly in it, those in the folders in it, as an archive has them.

    Raises:
        NotFound: there is none.
    """
    try:
        return pictures_in(folder)
    except NotFound:
        inner = sorted(each for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
        found = [path for each in inner for path in each.iterdir() if path.suffix.lower() in SUFFIXES]
        if not found:
            raise
        return sorted(path for path in found if path.name[0] != ".")


def read_picture(path: Path) -> Image.Image:
    """The picture in a file: upright 8-bit RGB in sRGB; decoded in a process of its own.

    Raises:
        NotFound: there is no such file.
        UnsafeFile: it is no PNG, JPEG or WebP, too large or damaged.
    """
    try:
        data = read_plain(path, _MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise _unreadable(path, f"it has more than {_MOST_BYTES:,} bytes")
        return rgb_image(decoded(data, _ANY, "rgb"))
    except FileNotFoundError:
        raise NotFound(f"There is no picture {path}. Choose the pictures anew.") from None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    except Refused as error:
        raise _unreadable(path, f"it {error}".rstrip(".")) from None


def bits_in(data: bytes) -> int:
    """Of a channel, 8 or 16, by how a file begins; of the kinds that are read PNG alone can have 16."""
    return 16 if data.startswith(_PNG) and data[_PNG_BIT_DEPTH : _PNG_BIT_DEPTH + 1] == b"\x10" else 8


def bits_of(path: Path) -> int:
    """As `bits_in`, of a file; 8 where it cannot be read any more."""
    with suppress(OSError):
        return bits_in(read_plain(path, _PNG_BIT_DEPTH + 1))
    return 8


def pixels_of(png: bytes) -> np.ndarray:
    """(H, W, 3) uint8 of a PNG file of the studio's own; transparency on white."""
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        return np.array(plain(image))


def rgb_image(picture: Decoded) -> Image.Image:
    """What the gate decoded to "rgb"."""
    return Image.frombytes("RGB", (picture.width, picture.height), picture.data)


def _unreadable(path: Path, reason: str) -> UnsafeFile:
    return UnsafeFile(f"{path} cannot be read as a picture: {reason}. Leave it out or save it anew.")


def plain(image: Image.Image) -> Image.Image:
    """An opened picture as upright 8-bit RGB in sRGB: what every reader makes of it."""
    return to_rgb(upright(image))


def upright(image: Image.Image) -> Image.Image:
    """The picture turned as EXIF says; as it is where EXIF is broken, which is no reason to lose the picture."""
    turn = _TURNS.get(orientation(image))
    if turn is None:
        return image
    turned = image.transpose(turn)  # not Pillow's exif_transpose: it writes EXIF anew, which fails on odd tags
    turned.info = {name: image.info[name] for name in ("icc_profile", "transparency") if name in image.info}
    return turned


def orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1, upright, where there is none that can be read."""
    with suppress(Exception):  # readers of EXIF fail in every way
        return int(image.getexif().get(ORIENTATION, 1))
    return 1


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB in sRGB of any mode: transparency on white, all of 16 bits' range kept, colour profiles obeyed."""
    profile = image.info.get("icc_profile")
    colours, alpha = _taken_apart(image)
    picture = _in_srgb(colours, profile) if profile else colours.convert("RGB")
    if alpha is None:
        return picture
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=alpha)
    return white


def _taken_apart(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colours of 8 bits (modes L, RGB, CMYK), and the mask of what one does not see through."""
    if image.mode[0] in "IF":
        return _eight_bits(image)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return seen.convert("RGB"), seen.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK"):
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def _eight_bits(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Grey of 16 bits, which Pillow's own conversion would clip at 255; of floats, which are taken for 0 to 255."""
    values = np.asarray(image)
    if image.mode == "F":
        grey = np.rint(np.nan_to_num(values).clip(0, 255))
    else:
        grey = values.clip(0, 65535).astype(np.uint32)
        grey += 128  # to the nearest
        grey //= 257
    clear = image.info.get("transparency")
    alpha = None if clear is None else Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))
    return Image.fromarray(grey.astype(np.uint8)), alpha


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    # A broken profile is no reason to lose the picture.
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        source: Any = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space.strip(), "")
        if mode == image.mode or (mode, image.mode) == ("RGB", "L"):
            converted = ImageCms.profileToProfile(image.convert(mode), source, _srgb(), outputMode="RGB")
            return converted or image.convert("RGB")
        if (mode, image.mode) == ("L", "RGB") and _is_grey(image):  # stored with a palette or with transparency
            return _in_srgb(image.getchannel("R"), profile)
    return image.convert("RGB")


def _is_grey(image: Image.Image) -> bool:
    red, green, blue = (channel.tobytes() for channel in image.split())
    return red == green == blue


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
